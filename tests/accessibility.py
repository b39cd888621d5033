"""axe-core in a real browser, and a keyboard without a mouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
_GRAVE = ("serious", "critical")


def grave_violations(page: Page) -> list[str]:
    """What axe-core finds serious or critical on the page, each with the elements that it is about."""
    page.evaluate(_AXE)
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert found["passes"], "axe has looked at nothing"
    return [
        f"{page.url}: {rule['id']} ({rule['impact']}): {rule['help']}: "
        + "; ".join(node["html"][:120] for node in rule["nodes"])
        for rule in found["violations"]
        if rule["impact"] in _GRAVE
    ]


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus, and see that the focus can be seen."""
    for _ in range(60):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            assert page.evaluate(
                "() => { const style = getComputedStyle(document.activeElement);"
                " return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2; }"
            ), f"{selector} has the focus, but nothing shows it"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} cannot be reached with the Tab key on {page.url}")
