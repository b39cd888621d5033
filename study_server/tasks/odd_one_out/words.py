"""What participants of the odd-one-out task read: the words of the pages, and defaults of the study's own texts."""

from __future__ import annotations

from study_server.settings import N_
from study_server.tasks.words import Words

CONSENT = N_("""\
You are invited to take part in a study of how well people see small shifts in images.

You will look at three pictures at a time and say which of them differs from the other two. It takes about \
{minutes} minutes. There are no known risks. We record your answers, how long each takes, and what your browser says \
of its window and screen (size, resolution, refresh rate, language); nothing that identifies you.

Taking part is voluntary: you can stop at any time by closing this page.""")

INSTRUCTIONS = N_("""\
You will see three pictures side by side, all cut from the same photograph.

Two of them are exactly the same. The third one has been shifted against them by a few pixels: everything in it lies a \
little to the side. Any of the three can be the one that differs; often it is hard to tell.

Say which of the three pictures differs from the other two. One always does: where you cannot tell which, guess. Only \
a shift matters: colours, sharpness and content never differ. {time}""")

QUESTION = N_("Which of the three pictures differs from the other two?")

WORDS = Words(
    title=N_("Which one differs?"),
    canvas=N_("Three pictures side by side"),
    answers={"left": N_("Left"), "middle": N_("Middle"), "right": N_("Right")},
    keys={
        "left": N_("the left one differs"),
        "middle": N_("the middle one differs"),
        "right": N_("the right one differs"),
    },
    consent_total=N_(
        "You will judge %(total)s sets of three pictures. Please use a laptop or desktop computer with a mouse or "
        "keyboard."
    ),
    too_small=N_(
        "The screen of this device is too small for the three pictures, which must be shown in full size side by side."
    ),
    trials_start=N_("%(total)s sets of three pictures, without feedback. One of the three always differs."),
    right={
        "left": N_("Right: the left one differed."),
        "middle": N_("Right: the middle one differed."),
        "right": N_("Right: the right one differed."),
    },
    wrong={
        "left": N_("Not quite: the left one differed."),
        "middle": N_("Not quite: the middle one differed."),
        "right": N_("Not quite: the right one differed."),
    },
    example=N_("An example: the picture in the middle has been shifted."),
    example_canvas=N_("Three times the same picture, the middle one shifted"),
    one_alone=N_("Show the left one alone"),
    other_alone=N_("Show the middle one in its place"),
)
