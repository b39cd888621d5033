"""The verb `exclusions`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analysis.verbs.options import FILE, RULES, StudyReader, responses_for, rules_for, shown, store_figure
from analysis.verbs.who_answered import Verb, print_json

if TYPE_CHECKING:
    from analysis.exclusions.flow import ExclusionFlow
    from analysis.observers.sensitivity import Sensitivity
    from analysis.results import Estimate


@click.command(cls=Verb)
@click.argument("source")
@RULES
@click.option("--figure", type=FILE, metavar="FILE", help="Draw the flow; FILE ends in .png, .svg or .pdf.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with nothing rounded.")
@click.pass_obj
def exclusions(reader: StudyReader, source: str, rules: str | None, figure: Path | None, as_json: bool) -> None:
    """Who and what is left out, by which rule, and what the study would say under other rules.

    SOURCE is a study folder, a database URL, an exported file (.csv, .jsonl, .parquet, .json) or
    ghildyal2022, the published judgments of the paper.

    \b
    Example:  shift-study exclusions my-study
              shift-study exclusions my-study --rules unfinished,validation,too_fast,one_sided --json
    """
    from analysis.exclusions.chances import validation_chances
    from analysis.exclusions.flow import exclusion_flow
    from analysis.exclusions.flow_figure import plot_flow
    from analysis.figure_style import check_figure
    from analysis.observers.sensitivity import SENSITIVITY_COLUMNS, sensitivity
    from analysis.tasks.registry import task_of
    from analysis.tasks.same_different import SAME_DIFFERENT

    if figure is not None:
        check_figure(figure)
    applied = rules_for(reader, source, rules)
    responses = responses_for(reader, source, applied, SENSITIVITY_COLUMNS)
    flow = exclusion_flow(responses, applied)
    # What the study says otherwise, and whom validation catches, are questions to same–different judgments.
    same_different = task_of(responses) is SAME_DIFFERENT
    chances = validation_chances(responses) if same_different else None
    found = sensitivity(responses, applied) if same_different else None
    if as_json:
        document: dict[str, Any] = {
            "flow": flow.to_json(),
            "sensitivity": None if found is None else found.to_json(),
            "validation_chances": None if chances is None else chances.to_json(),
        }
        print_json(document)
    else:
        parts = [_flow_text(flow)]
        if found is not None:
            parts.append(_sensitivity_text(found))
        click.echo("\n\n".join([*parts, chances.to_text()] if chances else parts))
    store_figure(figure, lambda ax: plot_flow(flow, ax), (6.4, 1.2 + 0.62 * len(flow.rows)))


def _flow_text(flow: ExclusionFlow) -> str:
    rows = [("", "participants", "responses", "")]
    rows += [("assessed", f"{flow.participants:,}", f"{flow.responses:,}", "")]
    for step in flow.rows:
        rows.append((f"− {step.reason}", f"{step.participants:,}", f"{step.responses:,}", step.meaning))
    rows += [("analysed", f"{flow.participants_analysed:,}", f"{flow.responses_analysed:,}", "")]
    if not flow.participants:
        rows = [(label, "", responses, why) for label, _, responses, why in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        f"{label:<{widths[0]}}   {people:>{widths[1]}}   {responses:>{widths[2]}}   {why}".rstrip()
        for label, people, responses, why in rows
    ]
    lines += [
        f"{step.reason} holds for {step.responses_in_all:,} responses in all"
        + (f" ({step.participants_in_all:,} of the participants)" if flow.participants else "")
        + "; those that an earlier reason took are not counted again."
        for step in flow.rows
        if step.responses_in_all != step.responses
    ]
    for step in flow.rows:
        if step.reason in flow.not_applied:
            lines.append(f"{step.reason} could not be applied to any response.")
        elif step.not_assessed:
            lines.append(f"{step.reason} could not be applied to {step.not_assessed:,} responses.")
    return "\n".join(lines)


def _sensitivity_text(found: Sensitivity) -> str:
    rows = [("", "responses", "threshold", "0 px different", "half at", "")]
    for row in found.rows:
        if row.results is None:
            rows.append((row.label, "", "", "", "", row.problem or ""))
            continue
        results = row.results
        half = "–" if results.half_px is None else f"{results.half_px} px ({_shown(results.half_percent, '%')})"
        threshold, false_alarms = _shown(results.threshold_px, " px"), _shown(results.false_alarm_percent, "%")
        rows.append((row.label, f"{results.responses:,}", threshold, false_alarms, half, row.problem or ""))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        "   ".join(
            [f"{row[0]:<{widths[0]}}", *(f"{row[column]:>{widths[column]}}" for column in range(1, 5)), row[5]]
        ).rstrip()
        for row in rows
    )


def _shown(estimate: Estimate, unit: str) -> str:
    return shown(estimate, 2 if unit == " px" else 1, unit) if estimate.estimate is not None else "–"
