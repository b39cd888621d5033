"""What a simulated observer knows of the images that it is shown."""

from study_server.folder.study_folder import StudyFolder
from study_server.simulate import shown_by_pixels


def test_pixels_tell_the_pair_and_its_side_but_not_where_both_are_alike(study: StudyFolder) -> None:
    shown = shown_by_pixels(study)
    for row in study.rows:
        reference, shifted = row.digests["reference"], row.digests["shifted"]
        if row.stratum == 0:
            assert shown[reference, shifted] == (row, None)
        else:
            assert shown[reference, shifted] == (row, ("reference", "shifted"))
            assert shown[shifted, reference] == (row, ("shifted", "reference"))
    assert len(shown) == sum(1 + (row.stratum > 0) for row in study.rows)
