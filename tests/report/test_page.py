"""The report opened in a real headless Chromium."""

import pytest
from helpers.report_browser import CHROMIUM, Browser, browser
from helpers.report_cases import report_of

from controller_server.report import write_report

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt install chromium)")

SOURCE = "</script><script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">"
STAGE = "document.getElementById('canvas').getBoundingClientRect()"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A browser and the folder of a carried and an assisted report."""
    folder = tmp_path_factory.mktemp("report")
    write_report(folder / "carried.html", report_of(lift=180.0, offset=0.09, source=SOURCE))
    write_report(folder / "assisted.html", report_of(lift=180.0, wrench=90.0, offset=0.2))
    with browser() as opened:
        yield opened, folder


SIZE = {"width": 560, "height": 560}
"""Of the window: small, because pictures are drawn without a graphics card here."""


def opened_at(page, name: str, **size) -> Browser:
    """A report, freshly opened, with nothing noted yet."""
    opened, folder = page
    opened.problems.clear()
    opened.requests.clear()
    opened.open(folder / name, **(size or SIZE))
    return opened


@pytest.fixture
def carried(page) -> Browser:
    """The carried report as it is on opening; not loaded again where it is already open, which takes long here."""
    opened, folder = page
    if opened.evaluate("location.pathname.split('/').pop() + innerWidth") != f"carried.html{SIZE['width']}":
        return opened_at(page, "carried.html")
    opened.evaluate(
        "assistmimic.setPlaying(false), assistmimic.seek(0), assistmimic.setView('split'), assistmimic.resetCamera(), "
        "Object.assign(assistmimic.show, {partner: true}), document.activeElement.blur(), null"
    )
    return opened


def picture(page: Browser) -> int:
    """A number that stands for what is on the canvas."""
    return page.evaluate("assistmimic.probe().hash")


def frame(page: Browser) -> float:
    """Where the animation is."""
    return page.evaluate("assistmimic.frame")


def centre(page: Browser, selector: str) -> tuple[float, float]:
    """Middle of an element in the viewport, scrolled there."""
    box = page.evaluate(
        f"(() => {{ const e = document.querySelector({selector!r}); e.scrollIntoView({{block: 'center'}}); "
        "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
    )
    return box[0], box[1]


def test_it_opens_without_a_single_complaint(carried):
    """No console error or warning, no exception, no WebGL error, and nothing loaded but the file itself."""
    probe = carried.evaluate("assistmimic.probe()")
    assert probe["error"] == 0
    assert carried.problems == []
    assert carried.evaluate("document.documentElement.dataset.error ?? null") is None
    assert len(carried.requests) == 1 and carried.requests[0].startswith("file:")


def test_both_views_show_people(carried):
    """Blue and orange cover a fair part of the left and of the right half, the orange person right of the blue one."""
    found = carried.evaluate(
        """(() => {
          assistmimic.draw();
          const gl = assistmimic.renderer.gl, c = document.getElementById('canvas');
          const p = new Uint8Array(4 * c.width * c.height);
          gl.readPixels(0, 0, c.width, c.height, gl.RGBA, gl.UNSIGNED_BYTE, p);
          const out = [0, 1].map(() => ({blue: 0, orange: 0, blueX: 0, orangeX: 0, top: 0}));
          for (let k = 0; k < p.length; k += 4) {
            const [r, g, b] = [p[k], p[k + 1], p[k + 2]];
            const x = (k / 4) % c.width, y = Math.floor(k / 4 / c.width), half = out[x < c.width / 2 ? 0 : 1];
            const kind = b > r + 40 && b > g + 15 ? 'blue' : r > b + 90 && r > g + 25 ? 'orange' : null;
            if (kind) { half[kind]++; half[kind + 'X'] += x; half.top = Math.max(half.top, y / c.height); }
          }
          return out.map(h => ({blue: h.blue / c.width / c.height, orange: h.orange / c.width / c.height,
            gap: (h.orangeX / h.orange - h.blueX / h.blue) / c.width, top: h.top}));
        })()"""
    )
    for half in found:
        assert half["blue"] > 0.01 and half["orange"] > 0.01
        assert half["gap"] > 0.03
        assert half["top"] > 0.55  # readPixels counts rows from below: upright people reach the upper part
    assert carried.evaluate("assistmimic.probe().colours") > 500


def test_people_stand_on_the_floor_and_face_each_other(carried):
    """Ankles are near z = 0, heads above 1.4 m, and each head's front points at the partner."""
    poses = carried.evaluate(
        """[0, 1].map((person) => {
          const pose = assistmimic.motions.simulated.pose(person, 0);
          const head = pose.positions[15], nose = [0, 0, 1];
          const [w, x, y, z] = pose.quats[15];
          const front = [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)];
          return {ankle: pose.positions[7][2], head: head[2], y: head[1], front: front[1]};
        })"""
    )
    for person, other in (poses, poses[::-1]):
        assert 0 < person["ankle"] < 0.15 and person["head"] > 1.4
        assert person["front"] * (other["y"] - person["y"]) > 0.5


def test_scrubbing_changes_the_picture(carried):
    """Another moment is another picture; the same moment the same one."""
    first = picture(carried)
    carried.drag(centre(carried, "#scrub"), centre(carried, "#scrub"))
    assert 14 <= frame(carried) <= 16
    middle = picture(carried)
    assert middle != first
    carried.evaluate("assistmimic.seek(0)")
    assert picture(carried) == first


def test_keys_play_step_and_jump(carried):
    """Space plays and pauses, arrows step, Home and End jump, W goes to the largest deviation."""
    carried.press("ArrowRight")
    carried.press("ArrowRight")
    assert frame(carried) == pytest.approx(2, abs=1e-3)
    carried.press("ArrowLeft")
    assert frame(carried) == pytest.approx(1, abs=1e-3)
    carried.press("End")
    assert frame(carried) == pytest.approx(30, abs=1e-3)
    carried.press("Home")
    carried.press("w")
    assert frame(carried) == pytest.approx(30, abs=1e-3)  # the offset grows to the end
    carried.press("Home")
    carried.press(" ")
    # Two drawings later, however long they take here, time has passed.
    later = "new Promise((done) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 300))"
    assert carried.evaluate(f"{later}.then(() => assistmimic.time)") > 0
    carried.press(" ")
    assert carried.evaluate("assistmimic.playing") is False


def test_space_on_a_switch_flips_it_and_does_not_play(carried):
    """Somebody without a mouse can use the switches."""
    carried.evaluate("document.getElementById('show-ground').focus()")
    carried.press(" ", code="Space", windowsVirtualKeyCode=32)
    assert carried.evaluate("assistmimic.show.ground") is True
    assert carried.evaluate("assistmimic.playing") is False
    carried.press(" ", code="Space", windowsVirtualKeyCode=32)
    assert carried.evaluate("assistmimic.show.ground") is False


def test_a_link_opens_at_a_moment(page):
    """#t=0.5&view=overlay&theme=dark shows just that, without playing."""
    opened, folder = page
    opened.open(folder / "carried.html", **SIZE)
    opened.evaluate("location.hash = 't=0.5&view=overlay&theme=dark'")
    opened.evaluate("new Promise((done) => setTimeout(done, 50))")
    found = opened.evaluate("[assistmimic.time, assistmimic.view, assistmimic.dark, assistmimic.playing]")
    assert found == [0.5, "overlay", True, False]


def test_a_click_in_a_curve_jumps_there(carried):
    """The middle of a chart is the middle of the clip, and its readout follows."""
    x, y = centre(carried, ".chart svg")
    carried.drag((x, y), (x, y))
    assert abs(frame(carried) - 15) < 2
    assert carried.evaluate("document.querySelector('.readout').textContent.length") > 3
    cursor = carried.evaluate("Number(document.querySelector('.cursor').getAttribute('x1'))")
    assert cursor > 100


def test_dragging_and_scrolling_move_the_camera(carried):
    """Both change the picture, and R brings the first one back."""
    first = picture(carried)
    x, y = centre(carried, "#canvas")
    carried.drag((x, y), (x + 80, y + 20))
    orbited = picture(carried)
    carried.mouse("mouseWheel", x, y, deltaX=0, deltaY=-300)
    zoomed = picture(carried)
    assert len({first, orbited, zoomed}) == 3
    carried.press("r")
    assert picture(carried) == first


def test_views_and_switches_change_the_picture(carried):
    """Side by side, overlay, simulated alone, and forces on and off are different pictures."""
    carried.evaluate("assistmimic.seek(0.7)")
    seen = {picture(carried)}
    for step in ("[data-view=overlay]", "[data-view=single]", "#show-partner"):
        x, y = centre(carried, step)
        carried.drag((x, y), (x, y))
        seen.add(picture(carried))
    assert len(seen) == 4


def test_text_of_the_clip_stays_text(carried):
    """A script in the clip's source is shown, not run."""
    assert carried.evaluate("document.querySelector('.source').textContent") == SOURCE
    assert carried.evaluate("document.title") == "Hand-made · AssistMimic"
    assert carried.evaluate("document.querySelectorAll('script').length") == 2
    assert carried.evaluate("document.querySelectorAll('img').length") == 0


def test_everything_the_reader_needs_is_there(carried):
    """Verdict, warnings, notes, attempts, prepare, settings and versions are on the page."""
    text = carried.evaluate("document.body.innerText")
    for words in (
        "Success: usable as it is. Both people stayed within 9 cm",
        "Hands on what they hold",
        "unchanged",
        "A warning to be read",
        "A note to be read",
        "31 cm from the clip at 2.1 s",
        "supporter.mean_mm",
        "seed",
        "3.17.0",
        "Foot skating",
    ):
        assert words in text


def test_outside_help_cannot_be_missed(page):
    """The banner, the badge in the view and magenta pixels on the canvas all say so; switched off, the pixels go."""
    opened = opened_at(page, "assisted.html")
    assert opened.evaluate("document.getElementById('verdict').className").endswith("assisted")
    wrong = opened.evaluate("[...document.querySelectorAll('.fault')].map((line) => line.textContent)")
    assert any("outside force of up to 90 N" in line for line in wrong)
    assert any("0.20 m off at 1.0 s, mean of 22 joints" in line for line in wrong)
    opened.evaluate("[...document.querySelectorAll('.moment')].find((b) => b.title === 'Go to 1.0 s').click()")
    assert opened.evaluate("assistmimic.time") == pytest.approx(1.0)
    opened.evaluate("assistmimic.seek(0), scrollTo(0, 0)")
    assert "90 N on the recipient" in opened.evaluate("document.getElementById('outside').textContent")
    count = """(() => {
      assistmimic.draw();
      const gl = assistmimic.renderer.gl, c = document.getElementById('canvas');
      const p = new Uint8Array(4 * c.width * c.height);
      gl.readPixels(0, 0, c.width, c.height, gl.RGBA, gl.UNSIGNED_BYTE, p);
      let n = 0;
      for (let k = 0; k < p.length; k += 4) if (p[k] > p[k + 1] + 70 && p[k + 2] > p[k + 1] + 40) n++;
      return n;
    })()"""
    assert opened.evaluate(count) > 150
    opened.evaluate("document.getElementById('show-outside').click()")
    assert opened.evaluate(count) < 20
    assert opened.problems == []


def test_dark_and_narrow_work_too(page):
    """In the dark theme the stage is dark, and on a telephone nothing is wider than the screen."""
    opened = opened_at(page, "carried.html", width=390, height=500, dark=True)
    assert max(opened.evaluate("assistmimic.theme.background")) < 0.2
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390
    assert opened.evaluate("assistmimic.stacked") is True
    beyond = "[...document.querySelectorAll('.scroll')].map((box) => box.scrollWidth - box.clientWidth)"
    assert max(opened.evaluate(beyond)) <= 0  # what was simulated is in sight without a sideways scroll
    labels = opened.evaluate(
        "['left', 'right'].map((side) => document.getElementById(`label-${side}`).getBoundingClientRect().y)"
    )
    assert labels[1] > labels[0] + 100
    light = opened.evaluate("(document.getElementById('theme').click(), assistmimic.theme.background)")
    assert min(light) > 0.8
    assert opened.problems == []


def test_without_webgl_the_rest_still_works(page):
    """Curves and tables are drawn, and the page says what is missing."""
    opened, _ = page
    script = opened.call(
        "Page.addScriptToEvaluateOnNewDocument",
        source="HTMLCanvasElement.prototype.getContext = ((get) => function "
        "(kind, ...rest) { return kind === 'webgl2' ? null : get.call(this, kind, ...rest); })"
        "(HTMLCanvasElement.prototype.getContext)",
    )["identifier"]
    try:
        opened_at(page, "carried.html")
        assert opened.evaluate("document.getElementById('no-webgl').hidden") is False
        assert opened.evaluate("document.querySelectorAll('.chart path.curve').length") > 8
        assert opened.problems == []
    finally:
        opened.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
