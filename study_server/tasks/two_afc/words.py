"""What participants of the two-alternative task read: the words of the pages, and defaults of the study's own texts."""

from __future__ import annotations

from study_server.settings import N_
from study_server.tasks.words import Words

TITLE = N_("Comparing pictures")

CONSENT = N_("""\
You are invited to take part in a study of which images look similar to people.

You will look at three pictures at a time and say which of the two outer ones is more similar to the one in the \
middle. It takes about {minutes} minutes. There are no known risks. We record your answers, how long each takes, and \
what your browser says of its window and screen (size, resolution, refresh rate, language); nothing that identifies \
you.

Taking part is voluntary: you can stop at any time by closing this page.""")

INSTRUCTIONS = N_("""\
You will see three pictures side by side. The one in the middle is an original. The two outer ones are changed \
versions of it: blurred, for example, or noisy, or with other colours.

Say which of the two outer pictures is more similar to the one in the middle. Look at the pictures as a whole. {time}

Sometimes the answer is plain. Where it is not, your impression counts: choose the one that seems more similar to you, \
even if you are not sure.""")

QUESTION = N_("Which of the two outer pictures is more similar to the one in the middle?")

WORDS = Words(
    title=N_("Which one is more similar?"),
    canvas=N_("Three pictures side by side"),
    answers={"left": N_("Left"), "right": N_("Right")},
    keys={"left": N_("the left one is more similar"), "right": N_("the right one is more similar")},
    consent_total=N_(
        "You will judge %(total)s sets of three pictures. Please use a laptop or desktop computer with a mouse or "
        "keyboard."
    ),
    too_small=N_(
        "The screen of this device is too small for the three pictures, which must be shown in full size side by side."
    ),
    trials_start=N_("%(total)s sets of three pictures, without feedback. Your impression counts."),
    practice_first=N_(
        "You begin with %(practice)s practice sets; where the answer is plain, you are told whether you were right."
    ),
    practice_start=N_("%(total)s sets to try it out. Where the answer is plain, you are told whether you were right."),
    right={
        "left": N_("Right: the left one is more similar to the one in the middle."),
        "right": N_("Right: the right one is more similar to the one in the middle."),
    },
    wrong={
        "left": N_("Not quite: the left one is more similar to the one in the middle."),
        "right": N_("Not quite: the right one is more similar to the one in the middle."),
    },
    example=N_("An example: the left one is more similar to the one in the middle."),
    example_canvas=N_(
        "A picture, on its left the same picture changed a little, and on its right the same picture changed more"
    ),
)
