"""Tables for data frames, against those that are made of data frames."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from analysis.responses.frame_schema import frame_table


def test_a_table_is_that_of_a_data_frame() -> None:
    columns = {
        "pair": pa.array(["a", None, "a"], pa.large_string()).dictionary_encode(),
        "shift_px": pa.array([1, None, 2], pa.int64()),
        "reaction_time_ms": pa.array([1.5, None, 2.0], pa.float64()),
        "hidden": pa.array([True, None, False], pa.bool_()),
    }
    frame = pd.DataFrame(
        {
            "pair": pd.array(["a", None, "a"], dtype="string"),
            "shift_px": pd.array([1, None, 2], dtype="Int64"),
            "reaction_time_ms": pd.array([1.5, None, 2.0], dtype="Float64"),
            "hidden": pd.array([True, None, False], dtype="boolean"),
        }
    )
    expected = pa.Table.from_pandas(frame, preserve_index=False)
    found = frame_table(columns)
    assert found.schema.equals(expected.schema, check_metadata=True)
    assert found.equals(expected)
