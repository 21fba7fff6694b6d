"""Audited labels on disk."""

import numpy as np
import pytest

from nnk.audit import AuditSet, concatenate


def audit_of(neb):
    m = len(neb)
    return AuditSet(
        sample_key=tuple(f"Nb50Ta50/s{i:04d}" for i in range(m)),
        vacancy_site=np.arange(m),
        jump=np.arange(m) % 8,
        flag=np.zeros(m),
        E_fwd_eV=np.full(m, 1.0),
        E_bwd_eV=np.full(m, 0.75),
        neb_E_fwd_eV=np.array(neb),
        neb_E_bwd_eV=np.array(neb) - 0.25,
        neb_calls=np.full(m, 300),
        negative_modes=np.ones(m),
        inputs_hash="abc",
    )


def test_what_is_saved_is_what_is_loaded(tmp_path):
    audit = audit_of([0.999, 1.002, float("nan")])
    audit.save(tmp_path / "audit.nc")
    loaded = AuditSet.load(tmp_path / "audit.nc")
    assert loaded.sample_key == audit.sample_key
    assert loaded.inputs_hash == "abc"
    np.testing.assert_array_equal(loaded.neb_E_bwd_eV, audit.neb_E_bwd_eV)
    assert loaded.neb_calls.dtype == np.int32


def test_difference_is_label_minus_neb_and_nan_without_one():
    audit = audit_of([0.999, float("nan")])
    assert audit.difference_eV[0] == pytest.approx([0.001, 0.001])
    assert np.isnan(audit.difference_eV[1]).all()
    assert audit.converged.tolist() == [True, False]


def test_an_audit_without_labels_can_be_saved(tmp_path):
    audit_of([]).save(tmp_path / "audit.nc")
    assert len(AuditSet.load(tmp_path / "audit.nc")) == 0


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="jump: expected shape"):
        AuditSet(("a",), [0], [0, 1], [0], [1.0], [1.0], [1.0], [1.0], [3], [1])


def test_another_file_is_refused(tmp_path):
    import netCDF4

    netCDF4.Dataset(tmp_path / "other.nc", "w").close()
    with pytest.raises(ValueError, match="expected an audit"):
        AuditSet.load(tmp_path / "other.nc")


def test_parts_become_one_in_the_order_of_the_labels():
    whole = audit_of([0.9, 1.0, 1.1])
    columns = ("vacancy_site", "jump", "flag", "E_fwd_eV", "E_bwd_eV")
    columns += ("neb_E_fwd_eV", "neb_E_bwd_eV", "neb_calls", "negative_modes")

    def part(rows):
        return AuditSet(
            tuple(whole.sample_key[i] for i in rows), *(getattr(whole, name)[rows] for name in columns)
        )

    merged = concatenate([part([2, 0]), part([1])], "h")
    assert merged.identities() == whole.identities()
    assert merged.neb_E_fwd_eV.tolist() == [0.9, 1.0, 1.1]
    assert merged.inputs_hash == "h"
    assert len(concatenate([], "h")) == 0
