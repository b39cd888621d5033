"""Settings of the same–different task beside those of every study."""

from __future__ import annotations

from dataclasses import dataclass, field

from study_server.settings import N_, AcceptanceSettings, DisplaySettings, TextSettings, setting
from study_server.tasks.shifted_pairs.settings import ShiftedPairSettings


@dataclass(frozen=True)
class SameDifferentDisplay(DisplaySettings):
    key_same: str = setting("f", "Key that answers «same»: one letter or digit.", pattern=r"[a-z0-9]")
    key_different: str = setting("j", "Key that answers «different»: one letter or digit.", pattern=r"[a-z0-9]")


@dataclass(frozen=True)
class SameDifferentAcceptance(AcceptanceSettings):
    most_catch_errors: int = setting(
        -1,
        "Who answers more of the pairs without a shift and of those with the largest wrong, together, is not used "
        "(`catch_errors`). -1: the paper's rule alone, which lets two thirds of each be wrong.",
        low=-1,
        high=10000,
    )
    least_catch_dprime: float = setting(
        0.0,
        "Whose d′ between pairs without a shift and those with the largest is below this is not used "
        "(`catch_sensitivity`). 0: nobody is.",
        low=0,
        high=10,
    )


_CONSENT = N_("""\
You are invited to take part in a study of how well people see small shifts in images.

You will look at pairs of pictures and say of each pair whether the two are the same or different. It takes about \
{minutes} minutes. There are no known risks. We record your answers, how long each takes, and what your browser says \
of its window and screen (size, resolution, refresh rate, language); nothing that identifies you.

Taking part is voluntary: you can stop at any time by closing this page.""")

_INSTRUCTIONS = N_("""\
You will see two pictures side by side, one pair at a time. Both are cut from the same photograph.

In some pairs the two are exactly the same. In the others, one has been shifted by a few pixels: everything in it lies \
a little to the side. There may or may not be a shift; often it is hard to tell.

Say whether the two pictures are the same or different. Only a shift matters: colours, sharpness and content never \
differ. {time}""")


@dataclass(frozen=True)
class SameDifferentTexts(TextSettings):
    consent: str = setting(
        _CONSENT,
        "Consent form. An empty line begins a new paragraph; line breaks are kept. "
        "{minutes} is about how long it takes.",
    )
    instructions: str = setting(
        _INSTRUCTIONS, "Instructions, shown above an example of a shift. {time} says whether images disappear."
    )
    question: str = setting(N_("Are the two images the same or different?"), "Question under each pair.")


@dataclass(frozen=True)
class SameDifferentSettings(ShiftedPairSettings):
    """All settings of a same–different study."""

    display: SameDifferentDisplay = field(default_factory=SameDifferentDisplay)
    acceptance: SameDifferentAcceptance = field(default_factory=SameDifferentAcceptance)
    texts: SameDifferentTexts = field(default_factory=SameDifferentTexts)
