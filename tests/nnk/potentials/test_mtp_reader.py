"""Files of moment tensor potentials: all forms are read alike, and what is wrong is said where it is."""

import numpy as np
import pytest

from nnk.potentials.mtp import MtpForceField, read_mtp

BASIS = """alpha_moments_count = 6
alpha_index_basic_count = 4
alpha_index_basic = {{0, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}
alpha_index_times_count = 4
alpha_index_times = {{0, 0, 1, 4}, {1, 1, 1, 5}, {2, 2, 1, 5}, {3, 3, 1, 5}}
alpha_scalar_moments = 3
alpha_moment_mapping = {0, 4, 5}
species_coeffs = {-1.5, -2.5}
moment_coeffs = {0.1, -0.2, 0.3}
"""
COEFFICIENTS = """\tradial_coeffs
\t\t0-0
\t\t\t{0.1, 0.2, 0.3}
\t\t0-1
\t\t\t{0.4, 0.5, 0.6}
\t\t1-0
\t\t\t{0.7, 0.8, 0.9}
\t\t1-1
\t\t\t{1.0, 1.1, 1.2}
"""
RANGE = "\tmin_dist = 2\n\tmax_dist = 5\n\tradial_basis_size = 3\n\tradial_funcs_count = 1\n"

OLD = f"""MTP
version = 1.1.0
species_count = 2
radial_basis_type = RBChebyshev
\tscaling = 0.5
{RANGE}{COEFFICIENTS}{BASIS}"""

MLIP_2 = f"""MTP
version = 1.1.0
potential_name = MTP1m
scaling = 5.000000000000000e-01
species_count = 2
potential_tag =
radial_basis_type = RBChebyshev
{RANGE}{COEFFICIENTS}{BASIS}"""

MLIP_3 = (
    MLIP_2.replace("potential_tag =", "potential_tag = Nb-Mo, level 4")
    .replace("min_dist", "min_val")
    .replace("max_dist", "max_val")
    .replace("radial_basis_size", "basis_size")
    .replace("\n", "\r\n")
    .encode()
    + b"\n#MVS_v1.1\nenergy_weight 1\n#\x00\xff\x93{{{"
)


def write(folder, content):
    path = folder / "a.mtp"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("content", [OLD, MLIP_2, MLIP_3], ids=["old", "MLIP-2", "MLIP-3"])
def test_all_forms_are_read_alike(tmp_path, content):
    potential = read_mtp(write(tmp_path, content))
    assert potential.n_species == 2
    assert (potential.scaling, potential.min_dist_A, potential.max_dist_A) == (0.5, 2.0, 5.0)
    assert potential.radial_coeffs[0, 1].tolist() == [[0.4, 0.5, 0.6]]
    assert potential.radial_coeffs[1, 0].tolist() == [[0.7, 0.8, 0.9]]
    assert potential.basic.tolist() == [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert potential.times.tolist() == [[0, 0, 1, 4], [1, 1, 1, 5], [2, 2, 1, 5], [3, 3, 1, 5]]
    assert potential.mapping.tolist() == [0, 4, 5]
    assert potential.species_coeffs.tolist() == [-1.5, -2.5]
    assert potential.moment_coeffs.tolist() == [0.1, -0.2, 0.3]


def test_energy_of_a_pair_by_hand(tmp_path):
    """Two atoms at 4 Å along x: xi = 1/3, every moment is +-f or f^2."""
    engine = MtpForceField(write(tmp_path, MLIP_2), ("Nb", "Mo"))
    engine.set(["Nb", "Mo"], (30.0, 30.0, 30.0))
    energy, forces = engine.energy_forces(np.array([[0.0, 0.0, 0.0], [4.0, 0.0, 0.0]]))
    expected = -4.0
    for a, b, c in ((0.4, 0.5, 0.6), (0.7, 0.8, 0.9)):
        f = 0.5 * 1.0 * (a + b / 3 + c * (2 / 9 - 1))
        expected += 0.1 * f - 0.2 * f**2 + 0.3 * f**2
    assert energy == pytest.approx(expected, abs=1e-14)
    assert forces[0] == pytest.approx(-forces[1])
    assert forces[0, 1:].tolist() == [0.0, 0.0]


def test_a_table_may_go_on_in_the_next_line(tmp_path):
    broken = MLIP_2.replace("{{0, 0, 1, 4}, ", "{{0, 0, 1, 4},\n  ")
    assert (
        read_mtp(write(tmp_path, broken)).times.tolist() == read_mtp(write(tmp_path, MLIP_2)).times.tolist()
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("MTP\n", "Moment\n", r"a.mtp, line 1: expected MTP, with which .* begin, got 'Moment'"),
        ("1.1.0", "2.0", r"line 2: expected version = 1.1.0, got '2.0'"),
        (
            "RBChebyshev",
            "RBShapeev",
            r"line 7: expected radial_basis_type to be one of RBChebyshev, got 'RBShapeev'",
        ),
        (
            "\tmin_dist",
            "magnetic_basis_type = BChebyshev\n\tmin_dist",
            r"line 8: .*got 'magnetic_basis_type'",
        ),
        ("species_count = 2", "species_count = two", r"line 5: expected a whole number, got 'two'"),
        ("species_count = 2", "species_count = 0", r"line 5: expected at least 1 for species_count, got '0'"),
        (
            "species_count = 2",
            "species_count = 1",
            r"line 15: expected species below 1 in radial_coeffs, got '0-1'",
        ),
        (
            "species_count = 2",
            "species_count = 3",
            r"line 12: expected radial coefficients of 0-2, got 'none'",
        ),
        (
            "{0.4, 0.5, 0.6}",
            "{0.4, 0.5}",
            r"line 15: expected 1 x 3 radial coefficients of 0-1, got '2 numbers'",
        ),
        ("\t\t0-0\n", "", r"line 13: expected a pair of species, i-j, got"),
        ("{0.4, 0.5, 0.6}", "{0.4, 0.5, x}", r"line 16: expected a number, got 'x'"),
        ("{0.4, 0.5, 0.6}", "{0.4, nan, 0.6}", r"line 16: expected finite numbers"),
        ("max_dist = 5", "max_dist = 1", r"min_dist 2.0 is not below max_dist 1.0"),
        ("max_dist = 5", "max_dist = -5", r"line 9: expected a length for max_dist, got '-5'"),
        (
            "basic_count = 4",
            "basic_count = 5",
            r"line 23: expected 20 numbers for alpha_index_basic, got '16 numbers'",
        ),
        (
            "{0, 1, 0, 0}",
            "{1, 1, 0, 0}",
            r"line 23: expected indices below 1 in alpha_index_basic, got '\[1, 1, 0, 0\]'",
        ),
        ("{0, 0, 1, 4}", "{0, 0, 1, 6}", r"line 25: expected indices below 6 in alpha_index_times"),
        ("{0, 0, 1, 4}", "{0, 5, 1, 4}", r"line 25: expected moments that are complete before row 0"),
        ("{0, 0, 1, 4}", "{0, 0, 1, 3}", r"line 25: expected moments that are complete before row 0"),
        ("mapping = {0, 4, 5}", "mapping = {0, 4}", r"line 27: expected 3 numbers for alpha_moment_mapping"),
        (
            "moments_count = 6",
            "moments_count = 3",
            r"alpha_index_basic_count 4 exceeds alpha_moments_count 3",
        ),
        (
            "{0.1, -0.2, 0.3}",
            "{0.1, -0.2,",
            r"line 29: expected 3 numbers for moment_coeffs, got '2 numbers'",
        ),
        ("scaling = 5.0", "scalling = 5.0", r"line 4: expected one of .*, got 'scalling'"),
        ("potential_tag =", "potential_tag", r"line 6: expected a field, name = value, got 'potential_tag'"),
        ("potential_tag =", "species_count = 2", r"line 6: expected species_count only once \(line 5\)"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, old, new, message):
    assert old in MLIP_2
    with pytest.raises(ValueError, match=message):
        read_mtp(write(tmp_path, MLIP_2.replace(old, new, 1)))


def test_untrained_and_truncated_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a.mtp: no field species_coeffs; is the potential untrained\?"):
        read_mtp(write(tmp_path, MLIP_2[: MLIP_2.index("species_coeffs")]))
    with pytest.raises(ValueError, match=r"no field radial_coeffs; is the potential untrained\?"):
        read_mtp(write(tmp_path, MLIP_2.replace(COEFFICIENTS, "")))
    for end in range(4, len(MLIP_2) - 3, 7):
        with pytest.raises(ValueError, match=r"a\.mtp"):
            read_mtp(write(tmp_path, MLIP_2[:end]))
    with pytest.raises(ValueError, match="line 1: expected MTP"):
        read_mtp(write(tmp_path, b"\x7fELF\x02\x01"))
    with pytest.raises(ValueError, match="line 1: expected MTP"):
        read_mtp(write(tmp_path, ""))
    with pytest.raises(FileNotFoundError):
        read_mtp(tmp_path / "absent.mtp")
