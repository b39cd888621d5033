"""What participants of the same–different task read, beside the study's own texts."""

from __future__ import annotations

from study_server.settings import N_
from study_server.tasks.words import Words

WORDS = Words(
    title=N_("Same or different?"),
    canvas=N_("Two pictures side by side"),
    answers={"same": N_("Same"), "different": N_("Different")},
    keys={"same": N_("the two are the same"), "different": N_("the two are different")},
    buttons=N_("You can press these keys or the buttons below the pictures."),
    consent_total=N_(
        "You will judge %(total)s pairs of pictures. Please use a laptop or desktop computer with a mouse or keyboard."
    ),
    too_small=N_(
        "The screen of this device is too small for the two pictures, which must be shown in full size side by side."
    ),
    then_trials=N_("Then come %(total)s pairs without feedback."),
    trials_start=N_("%(total)s pairs, without feedback. There may or may not be a shift."),
    haste=N_("Each pair is shown for %(seconds)s s only; for the answer you can take the time you need."),
    welcome_back=N_("Welcome back: %(left)s of %(total)s pairs are left."),
    practice_first=N_("You begin with %(practice)s practice pairs, after which you are told whether you were right."),
    practice_start=N_("%(total)s pairs to try it out. After each you are told whether you were right."),
    next_trial=N_("Next pair"),
    right={"same": N_("Right: the two were the same."), "different": N_("Right: one of the two was shifted.")},
    wrong={"same": N_("Not quite: the two were the same."), "different": N_("Not quite: one of the two was shifted.")},
    example=N_("An example: the picture on the right has been shifted."),
    example_canvas=N_("A picture, and beside it the same picture shifted"),
    one_alone=N_("Show the left one alone"),
    other_alone=N_("Show the right one in its place"),
)
