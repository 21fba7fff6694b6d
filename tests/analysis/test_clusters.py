from dataclasses import replace

import numpy as np
import pytest
from ruamel.yaml import YAML

from analysis import clusters
from analysis.clusters_figures import summary
from analysis.clusters_lineage import shown_tracks
from analysis.clusters_picture import view
from analysis.clusters_runs import cluster_cases
from analysis.clusters_sizes import at_least
from analysis.inputs import Inputs, MissingInput
from nnk.observables.clusters import Clusters, b2_clusters
from nnk.observables.lineage import follow

ELEMENTS = ("Nb", "Mo", "Ta")
MO_TA, NB_TA = (2, 3), (1, 3)


@pytest.fixture
def with_runs(workdir, save_runs):
    save_runs(workdir)
    return workdir


@pytest.fixture(scope="module")
def product(make_workdir, save_runs, tmp_path_factory):
    """With all options as they are by default."""
    workdir = make_workdir(tmp_path_factory.mktemp("clusters") / "work")
    save_runs(workdir)
    return clusters.analyse(Inputs(workdir))


def choose(workdir, **options):
    """Options of the analysis in the campaign file."""
    yaml = YAML()
    campaign = yaml.load(workdir.campaign_file)
    campaign["analysis_options"] = {"clusters": options}
    yaml.dump(campaign, workdir.campaign_file)


def naive_counts(trajectory, frame, pair, small_below=8):
    sizes = b2_clusters(trajectory.lattice, trajectory.frames().occupancy[frame], pair).size
    return {
        "small": sum(size < small_below for size in sizes),
        "large": sum(size >= small_below for size in sizes),
        "lone": sum(size == 1 for size in sizes),
        "largest": max(sizes, default=0),
        "centres": sum(sizes) / trajectory.lattice.n_sites,
    }


def test_the_table_holds_means_and_errors_over_replicas(product, trajectories, rows_of):
    rows = rows_of(product, "clusters")
    frames = trajectories[800.0, 0].frames()
    assert len(rows) == 1 + 2 * len(frames)
    for temperature_K in (800.0, 2000.0):
        for frame in (0, len(frames) // 2, len(frames) - 1):
            (row,) = [
                row
                for row in rows
                if row["temperature_K"] == f"{temperature_K:g}" and row["jumps"] == str(frames.jump[frame])
            ]
            values = [naive_counts(trajectories[temperature_K, r], frame, MO_TA) for r in range(2)]
            assert row["replicas"] == "2"
            for name in values[0]:
                pair = [value[name] for value in values]
                assert float(row[name]) == pytest.approx(np.mean(pair), abs=1e-9)
                error = abs(pair[0] - pair[1]) / 2
                assert float(row[f"{name}_error"]) == pytest.approx(error, abs=1e-9)


def test_events_are_those_of_the_lineage(with_runs, trajectories, rows_of):
    choose(with_runs, pair=["Nb", "Ta"])
    rows = rows_of(clusters.analyse(Inputs(with_runs)), "clusters-events")
    lineages = []
    for replica in range(2):
        found = trajectories[2000.0, replica]
        lineages.append(follow(b2_clusters(found.lattice, o, NB_TA) for o in found.frames().occupancy))
    first, *_, last = [row for row in rows if row["temperature_K"] == "2000"]
    assert float(last["born"]) == np.mean([line.births().sum() for line in lineages])
    assert float(last["merged"]) == np.mean([line.merges().sum() for line in lineages])
    assert float(last["split"]) == np.mean([line.splits().sum() for line in lineages])
    assert float(last["died"]) == np.mean([line.deaths().sum() for line in lineages])
    assert float(first["lasting"]) == np.mean([line.persistent.sum() for line in lineages])
    assert sum(line.births().sum() + line.deaths().sum() for line in lineages) > 0


def test_chance_is_that_of_random_arrangements(product, trajectories, rows_of):
    (row, *_) = rows_of(product, "clusters")
    assert row["temperature_K"] == row["jumps"] == ""
    found = trajectories[800.0, 0]
    rng = np.random.default_rng(5)
    drawn = [b2_clusters(found.lattice, rng.permutation(found.occupancy), MO_TA) for _ in range(300)]
    n_sites = found.lattice.n_sites
    for name, values in (
        ("small", [(c.size < 8).sum() for c in drawn]),
        ("largest", [c.size.max(initial=0) for c in drawn]),
        ("centres", [len(c.centre) / n_sites for c in drawn]),
    ):
        error = np.std(values) / np.sqrt(len(values)) + float(row[f"{name}_error"])
        assert abs(float(row[name]) - np.mean(values)) < 4 * error


def test_the_limit_of_small_ones_is_an_option(with_runs, product, rows_of):
    choose(with_runs, small_below=2)
    other = clusters.analyse(Inputs(with_runs))
    for row in rows_of(other, "clusters"):
        assert row["small"] == row["lone"]
    assert any(float(row["small"]) > float(row["lone"]) for row in rows_of(product, "clusters"))
    assert "fewer than 2 centres" in other.figures[0].caption


def test_the_temperatures_that_are_drawn_are_an_option(with_runs):
    choose(with_runs, temperatures_K=[1700.0])
    figure = clusters.analyse(Inputs(with_runs)).figures[0].figure
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["2000 K"]


def test_the_pair_is_an_option_and_by_default_that_of_the_paper(with_runs, product):
    assert product.settings["pair"] == "Mo-Ta"
    choose(with_runs, pair=["Ta", "Nb"])
    (case,) = cluster_cases(Inputs(with_runs))
    assert case.pair_name == "Ta-Nb"
    assert case.pair == (3, 1)


def test_without_mo_and_ta_the_most_favoured_pair_is_taken(with_runs, trajectories):
    names = ("Nb", "W", "V")
    text = with_runs.campaign_file.read_text()
    with_runs.campaign_file.write_text(
        text.replace("elements: [Nb, Mo, Ta]", f"elements: [{', '.join(names)}]").replace(
            "{Nb: 0.3, Mo: 0.3, Ta: 0.4}", "{Nb: 0.3, W: 0.3, V: 0.4}"
        )
    )
    for (temperature_K, replica), found in trajectories.items():
        path = with_runs.trajectory("Nb30W30V40", temperature_K, replica)
        replace(found, elements=names).save(path)
    alphas = []
    for found in trajectories.values():
        counts = found.end.pair_counts[0, 0].astype(float)
        n = np.bincount(found.occupancy)[1:]
        expected = 8 * np.outer(n, n) / (found.lattice.n_sites - 1)
        alphas.append([1 - (counts / expected)[a, b] for a, b in ((0, 1), (0, 2), (1, 2))])
    best = ("Nb-W", "Nb-V", "W-V")[int(np.mean(alphas, axis=0).argmin())]
    (case,) = cluster_cases(Inputs(with_runs))
    assert case.pair_name == best


def test_every_figure_says_what_it_shows(product):
    assert {figure.name.removeprefix("clusters-Nb30Mo30Ta40") for figure in product.figures} >= {
        "",
        "-events",
        "-temperature",
        "-sizes",
    }
    tables = {table.name for table in product.tables}
    for figure in product.figures:
        assert "Mo-Ta" in figure.caption
        assert len(figure.alt) > 40
        assert figure.table in tables


def test_single_replicas_have_no_error_bars(with_runs, rows_of):
    text = with_runs.campaign_file.read_text()
    with_runs.campaign_file.write_text(text.replace("replicas: 2", "replicas: 1"))
    product = clusters.analyse(Inputs(with_runs))
    assert any("no error bars" in warning for warning in product.warnings)
    assert all(row["small_error"] == "" for row in rows_of(product, "clusters")[1:])
    assert all(number.error is None for number in product.numbers)


def test_a_cluster_that_fills_the_cell_is_announced(with_runs):
    (case,) = cluster_cases(Inputs(with_runs))
    wrapped = replace(case, runs=tuple(replace(run, wraps=True) for run in case.runs))
    free = replace(case, runs=tuple(replace(run, wraps=False) for run in case.runs))
    assert "in 4 of 4 runs (800 to 2000 K)" in "".join(clusters._warnings(wrapped))
    assert not any("periodic image" in text for text in clusters._warnings(free))


def test_what_has_no_b2_order_is_refused(with_runs):
    choose(with_runs, pair=["Mo", "W"])
    with pytest.raises(MissingInput, match="no atoms of W: the alloy is of Nb, Mo, Ta"):
        clusters.analyse(Inputs(with_runs))
    text = with_runs.campaign_file.read_text()
    with_runs.campaign_file.write_text(
        text.replace("lattice: bcc", "lattice: fcc").replace("[Mo, W]", "[Mo, Ta]")
    )
    with pytest.raises(MissingInput, match="need runs on the bcc lattice, these are fcc"):
        clusters.analyse(Inputs(with_runs))


def test_numbers_of_clusters_of_at_least_a_size():
    size, number = at_least([np.array([5, 2, 1]), np.array([2, 2])])
    assert size.tolist() == [1, 2, 5]
    assert number.mean.tolist() == [2.5, 2.0, 0.5]
    assert number.error.tolist() == [0.5, 0.0, 0.5]


def test_the_summary_compares_with_chance(with_runs):
    (case,) = cluster_cases(Inputs(with_runs))
    assert f"random: {100 * case.chance_share:.1f} %" in summary(case)


def test_the_file_for_ovito_reads_back(with_runs, product, trajectories):
    from ase.io import read

    (file,) = product.files
    path = with_runs.root / file.name
    path.write_bytes(file.content)
    states = read(path, index=":", format="extxyz")
    (case,) = cluster_cases(Inputs(with_runs))
    run = case.typical
    assert file.name == f"clusters-Nb30Mo30Ta40-T{run.file.temperature_K:06.1f}K-r000.extxyz"
    last = states[-1]
    assert last.info["jumps"] == 400
    trajectory = trajectories[run.file.temperature_K, 0]
    sites = np.flatnonzero(trajectory.occupancy)
    assert last.get_chemical_symbols() == [ELEMENTS[s - 1] for s in trajectory.occupancy[sites]]
    np.testing.assert_allclose(last.positions, trajectory.lattice.positions_A[sites], atol=1e-6)
    np.testing.assert_allclose(last.cell.lengths(), trajectory.lattice.box_A)
    assert last.pbc.all()
    found = b2_clusters(trajectory.lattice, trajectory.occupancy, MO_TA)
    assert np.array_equal(sites[last.arrays["centre"] == 1], found.centre)
    member = last.arrays["cluster"]
    assert (member > 0).sum() == len(found.centre)
    for number, size in enumerate(found.size, start=1):
        assert (member == number).sum() == size
        assert set(last.arrays["cluster_size"][member == number]) == {size}
    assert not last.arrays["cluster_size"][member == 0].any()


def test_all_products_are_written(with_runs, provenance):
    assert clusters.main([str(with_runs.root)]) == 0
    written = provenance(with_runs, "clusters")
    paths = {file["path"] for file in written["outputs"]}
    (structure,) = written["files"]
    assert structure["path"] in paths
    assert "OVITO" in structure["title"]
    for suffix in ("", "-events", "-temperature", "-sizes", "-lineage", "-picture"):
        for kind in (".png", ".pdf"):
            assert f"figures/clusters-Nb30Mo30Ta40{suffix}{kind}" in paths
    for table in ("", "-events", "-sizes", "-lineage", "-lineage-sizes"):
        assert f"tables/clusters{table}.csv" in paths
    assert all((with_runs.root / path).stat().st_size for path in paths)


def test_lanes_lie_beside_those_that_they_merge_into(with_runs):
    (case,) = cluster_cases(Inputs(with_runs))

    def state(*groups):
        pairs = sorted((site, k) for k, sites in enumerate(groups) for site in sites)
        columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        return Clusters(*columns, np.array([len(sites) for sites in groups]))

    a, b, c, d = range(8), range(10, 15), range(20, 23), (30, 31)
    lineage = follow([state(a, b, c, d), state([*a, *c], [*b, *d]), state([*a, *b, *c, *d])])
    shown = shown_tracks(replace(case.typical, lineage=lineage))
    assert sorted(shown.tracks) == [0, 1, 2, 3]
    lane = {track: shown.lane(track) for track in range(4)}
    assert abs(lane[0] - lane[2]) == 1
    assert abs(lane[1] - lane[3]) == 1
    assert shown.lane(9) is None


def test_tracks_in_the_table_are_those_of_the_lineage(with_runs, rows_of):
    choose(with_runs, pair=["Nb", "Ta"], small_below=2)
    (case,) = cluster_cases(Inputs(with_runs))
    lineage = case.typical.lineage
    product = clusters.analyse(Inputs(with_runs))
    rows = {int(row["track"]): row for row in rows_of(product, "clusters-lineage")}
    assert rows
    assert set(rows) == set(np.flatnonzero((lineage.largest >= 2) | lineage.persistent).tolist())
    for track, row in rows.items():
        assert (row["begins"] == "split") == (row["parent"] != "")
        assert (row["ends"] == "merged") == (row["heir"] != "")
        assert (row["ends"] == "end") == bool(lineage.alive[track])
        assert row["first_jumps"] == str(case.typical.jumps[lineage.first[track]])
        assert row["persistent"] == str(int(lineage.persistent[track]))
    sizes = rows_of(product, "clusters-lineage-sizes")
    drawn = [int(row["size"]) for row in sizes if row["track"] == sizes[0]["track"]]
    assert drawn == lineage.size[lineage.track == int(sizes[0]["track"])].tolist()


def test_the_projection_is_a_rotation():
    turn = view()
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)
    right, up, near = view(0.0, 0.0)
    np.testing.assert_allclose([right, up, near], [[0, 1, 0], [0, 0, 1], [1, 0, 0]], atol=1e-12)


def test_a_case_without_the_pair_has_no_clusters(with_runs, network, rows_of):
    from nnk.kmc import run
    from nnk.lattice import Lattice

    text = with_runs.campaign_file.read_text()
    with_runs.campaign_file.write_text(
        text.replace("{Nb: 0.3, Mo: 0.3, Ta: 0.4}", "{Nb: 0.5, Mo: 0.5}").replace(
            "[800.0, 2000.0]", "[800.0]"
        )
    )
    lattice = Lattice.bcc((5, 5, 5), 3.3)
    start = np.random.default_rng(1).integers(1, 3, lattice.n_sites).astype(np.uint8)
    start[3] = 0
    for replica in range(2):
        made = run(lattice, start, network, temperature_K=800.0, jumps=50, seed=1, replica=replica)
        made.save(with_runs.trajectory("NbMo", 800.0, replica))
    product = clusters.analyse(Inputs(with_runs))
    assert {row["small"] for row in rows_of(product, "clusters")} == {"0"}
    assert rows_of(product, "clusters-lineage") == []
    assert len(product.figures) == 6
    assert clusters.main([str(with_runs.root)]) == 0


def test_runs_without_key_frames_in_common_are_named(with_runs, trajectories):
    whole = trajectories[800.0, 0]
    frames = whole.key_frames
    late = replace(frames, jump=np.where(frames.jump > 0, frames.jump + 1000, 0))
    path = with_runs.trajectory("Nb30Mo30Ta40", 800.0, 0)
    path.unlink()
    replace(whole, key_frames=late, end=replace(whole.end, jump=late.jump[-1:])).save(path)
    with pytest.raises(MissingInput, match="Nb30Mo30Ta40: its runs have no key frame in common"):
        clusters.analyse(Inputs(with_runs))
