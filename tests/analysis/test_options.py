"""What may be chosen about analyses: the same names and defaults in the campaign file and in the analyses."""

from dataclasses import fields

import pytest

from analysis import ANALYSES, options
from analysis.options import RandomnessOptions, options_from
from launch.schema.analysis import AnalysisOptions

KINDS = {
    name.removesuffix("Options").lower(): kind
    for name, kind in vars(options).items()
    if name.endswith("Options") and isinstance(kind, type)
}


def test_every_option_of_the_file_is_one_of_an_analysis_with_the_same_default():
    section = AnalysisOptions()
    assert set(AnalysisOptions.model_fields) == {name.replace("_", "") for name in KINDS} <= set(ANALYSES)
    for name in AnalysisOptions.model_fields:
        given = getattr(section, name).model_dump()
        assert options_from(KINDS[name], given) == KINDS[name]()
        assert set(given) == {field.name for field in fields(KINDS[name])}


def test_lists_become_tuples():
    assert options_from(RandomnessOptions, {"temperatures_K": [300, 500]}).temperatures_K == (300, 500)


def test_an_unknown_name_is_an_error():
    with pytest.raises(ValueError, match=r"unknown temperature; allowed: .*temperatures_K"):
        options_from(RandomnessOptions, {"temperature": 3})
