"""The report as a browser shows it, its content-security policy in force; skipped without Chromium."""

import importlib
import json
import re
import shutil
import subprocess

import pytest

from analysis import ANALYSES

pytestmark = pytest.mark.slow

PROBE = """
<script>
window.addEventListener("load", () => {
  const images = [...document.images];
  const table = document.querySelector("table");
  const cells = () => [...table.tBodies[0].rows].map((row) => row.cells[0].textContent);
  const before = JSON.stringify(cells());
  table.querySelector("th button").click();
  const once = JSON.stringify(cells());
  table.querySelector("th button").click();
  const twice = JSON.stringify(cells());
  document.body.dataset.probe = JSON.stringify({
    broken: images.filter((image) => !image.naturalWidth).length,
    images: images.length,
    overflow: document.documentElement.scrollWidth - window.innerWidth,
    sorted: once !== twice && (once !== before || twice !== before),
  });
});
</script>
"""


@pytest.fixture(scope="module")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine")
    return path


@pytest.fixture(scope="module")
def page(tmp_path_factory, make_workdir, save_runs):
    workdir = make_workdir(tmp_path_factory.mktemp("browser"))
    save_runs(workdir)
    for name in ANALYSES:
        assert importlib.import_module(f"analysis.{name}").main([str(workdir.root)]) == 0
    return workdir.report


def shown(chromium, page, folder, width):
    """What the probe finds on the page in a window of `width` pixels."""
    probed = folder / "probed.html"
    probed.write_text(page.read_text().replace("</body>", f"{PROBE}</body>"))
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-quic"]
    command += [f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900", "--dump-dom"]
    done = subprocess.run([*command, f"file://{probed}"], capture_output=True, text=True, timeout=120)
    found = re.search(r'data-probe="([^"]*)"', done.stdout)
    assert found, done.stderr[-2000:]
    return json.loads(found.group(1).replace("&quot;", '"'))


@pytest.mark.parametrize("width", [500, 1280])
def test_pictures_load_tables_sort_and_nothing_runs_over_the_edge(chromium, page, tmp_path, width):
    found = shown(chromium, page, tmp_path, width)
    assert found["images"] >= 8
    assert found["broken"] == 0
    assert found["overflow"] <= 0
    assert found["sorted"]
