"""What a task has participants read on the pages, beside the study's own texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from study_server.settings import N_


@dataclass(frozen=True)
class Words:
    """Each is a text of the catalogs of translations, marked with N_ where it is written.

    `%(total)s`, `%(left)s`, `%(practice)s` and `%(seconds)s` stand for numbers, where a text has them here.
    """

    title: str
    """Heading of the instructions."""
    canvas: str
    """What the canvas of a trial shows, for who cannot see it."""
    answers: Mapping[str, str]
    """Answer → its button. The buttons stand in this order, from the left."""
    keys: Mapping[str, str]
    """Answer → what its key means, in the instructions."""
    buttons: str = N_("You can press these keys or the buttons below the pictures.")
    """Beside the keys: that there are buttons as well."""
    consent_total: str = N_(
        "You will judge %(total)s sets of pictures. Please use a laptop or desktop computer with a mouse or keyboard."
    )
    """Before the consent: how much there is to judge, and with what; %(total)s."""
    too_small: str = N_(
        "The screen of this device is too small for the pictures, which must be shown in full size side by side."
    )
    """To whom has too small a screen, before the consent."""
    then_trials: str = N_("Then come %(total)s sets without feedback.")
    """In the instructions: how many trials there are; %(total)s."""
    trials_start: str = N_("%(total)s sets of pictures, without feedback.")
    """On the trial page before the first trial; %(total)s."""
    haste: str = N_("Each set is shown for %(seconds)s s only; for the answer you can take the time you need.")
    """After that, where a trial is shown for a limited time; %(seconds)s."""
    welcome_back: str = N_("Welcome back: %(left)s of %(total)s sets are left.")
    """On the trial page to whom comes back; %(left)s of %(total)s."""
    practice_first: str = N_(
        "You begin with %(practice)s practice sets, after which you are told whether you were right."
    )
    """In the instructions: how many practice trials there are; %(practice)s."""
    practice_start: str = N_("%(total)s sets to try it out. After each you are told whether you were right.")
    """On the practice page before the first trial; %(total)s."""
    next_trial: str = N_("Next set")
    """Button after the feedback of a practice trial."""
    right: Mapping[str, str] = field(default_factory=dict)
    """Right answer → what practice says to whom gave it."""
    wrong: Mapping[str, str] = field(default_factory=dict)
    """Right answer → what practice says to whom gave another."""
    example: str = ""
    """Below the example in the instructions."""
    example_canvas: str = ""
    """What the example shows, for who cannot see it."""
    one_alone: str = ""
    """Button of an example two of whose images can be shown in turn, for who wants less motion: the first of them."""
    other_alone: str = ""
    """The same: the other one, in its place."""
