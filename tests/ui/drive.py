"""Drives a Blender window by mouse and keys, as an animator would, and keeps screenshots. Not part of the test suite.

    Xvfb :77 -screen 0 1600x1000x24 &
    DISPLAY=:77 python tests/ui/drive.py --out shots -- blender
    DISPLAY=:77 python tests/ui/drive.py --out shots --root /srv/trixie -- chroot /srv/trixie blender

The extension has to be installed in that Blender (`blender --command extension install-file -r user_default -e ZIP`).
Needs xdotool and ImageMagick's `import`. With `--root`, files are exchanged through a folder under that root. Places of
buttons are those of a 1600 x 1000 window at resolution scale 1; what every step did is read from `observer.py`, which
runs inside. Exits with 1 at the first step that did not do what it should.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

VIEW, DEMO, SIMULATE = (600, 500), (1174, 154), (1174, 232)
TAB_AND_END = {True: ((1300, 293), (1202, 921)), False: ((1308, 220), (1274, 918))}
"""The sidebar's tab and the scene's last frame, from Blender 5.0 on and before."""
QUALITY, PARAMETERS = (1214, 525), (1100, 306)
ACCEPT, REJECT, COMPARE = (1110, 436), (1232, 436), (1110, 462)
PREFERENCES = (
    "import bpy; p = bpy.context.preferences; p.view.show_splash = False; p.view.ui_scale = 1; "
    "p.view.use_save_prompt = False; bpy.ops.wm.save_userpref()"
)
Check = Callable[[dict[str, Any]], bool]


class Driver:
    """A running Blender and what is seen of it."""

    def __init__(self, command: list[str], out: Path, root: Path) -> None:
        self.out = out
        out.mkdir(parents=True, exist_ok=True)
        shared = Path(tempfile.mkdtemp(prefix="assistmimic-ui-", dir=root / "tmp"))
        self._seen = shared / "seen.jsonl"
        shutil.copy(Path(__file__).with_name("observer.py"), shared)
        inside = Path("/") / shared.relative_to(root)
        environment = {**os.environ, "OBSERVED": str(inside / "seen.jsonl"), "HOME": "/root"}
        subprocess.run([*command, "-b", "--python-expr", PREFERENCES], env=environment, capture_output=True, check=True)
        self.process = subprocess.Popen(
            [*command, "--window-geometry", "0", "0", "1600", "1000", "--python", str(inside / "observer.py")],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def history(self) -> list[dict[str, Any]]:
        """All that was seen."""
        if not self._seen.exists():
            return []
        return [json.loads(line) for line in self._seen.read_text(encoding="utf-8").splitlines() if line.endswith("}")]

    def until(self, what: str, check: Check, timeout: float = 20) -> dict[str, Any]:
        """Wait until Blender looks as it should."""
        started = time.monotonic()
        while time.monotonic() - started < timeout:
            seen = self.history()
            if seen and check(seen[-1]):
                print(f"ok   {what} ({time.monotonic() - started:.1f} s)", flush=True)
                return seen[-1]
            time.sleep(0.1)
        self.shot("failed")
        last = self.history()[-1:]
        self.process.kill()
        sys.exit(f"FAIL {what}; last seen: {last}")

    def repeat(self, what: str, act: Callable[[], None], check: Check) -> None:
        """Do something until Blender looks as it should, ten times at most: events get lost where drawing is slow."""
        for count in range(1, 11):
            act()
            waited = time.monotonic() + 4
            while time.monotonic() < waited and not check(self.history()[-1]):
                time.sleep(0.2)
            if check(self.history()[-1]):
                print(f"     {what}: done {count} times", flush=True)
                break
        self.until(what, check, 1)

    def shot(self, name: str) -> None:
        """Keep a picture of the screen."""
        subprocess.run(["import", "-window", "root", str(self.out / f"{name}.png")], check=True)

    def quit(self, timeout: float = 20) -> None:
        """Leave with Ctrl-Q."""
        keys("ctrl+q", at=VIEW)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.shot("failed")
            self.process.kill()
            sys.exit("FAIL quit")
        print("ok   quit", flush=True)


def xdotool(*arguments: str) -> None:
    """Send events."""
    subprocess.run(["xdotool", *arguments], check=True)
    time.sleep(0.4)


def click(place: tuple[int, int]) -> None:
    """Click with the left button."""
    time.sleep(1.5)  # software drawing is slow, and a button has to be drawn before it can be pressed
    xdotool("mousemove", *map(str, place))
    time.sleep(0.5)
    xdotool("click", "1")


def keys(*names: str, at: tuple[int, int]) -> None:
    """Press keys with the mouse over a place."""
    xdotool("mousemove", *map(str, at))
    for name in names:
        xdotool("key", name)


def enter(place: tuple[int, int], text: str) -> None:
    """Type into the number field at a place."""
    xdotool("mousemove", *map(str, place))
    xdotool("key", "Return")
    xdotool("key", "ctrl+a")
    xdotool("type", text)
    xdotool("key", "Return")


def is_running(seen: dict[str, Any]) -> bool:
    """Whether a job has made progress."""
    return seen["job"] == "running" and " of " in (seen["line"] or "")


def sources_play(seen: dict[str, Any]) -> bool:
    """Whether the originals are played."""
    return seen["shown"] is None and all(a and not a.endswith(".sim") for a in seen["actions"])


def main() -> None:
    """The whole run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--root", type=Path, default=Path("/"))
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    driver = Driver(options.command, options.out, options.root)
    tab, end = TAB_AND_END[driver.until("window", lambda s: True, 60)["version"] >= [5, 0]]
    time.sleep(2)
    driver.repeat("sidebar", lambda: keys("n", at=VIEW), lambda s: s["tab"] not in (None, "UNSUPPORTED"))
    driver.repeat("tab", lambda: click(tab), lambda s: s["tab"] == "AssistMimic")
    driver.shot("empty")
    click(DEMO)
    driver.until("load demo", lambda s: s["people"] == ["supporter", "recipient"] and sources_play(s))
    keys("Home", at=VIEW)
    driver.repeat("end frame", lambda: enter(end, "40"), lambda s: s["end"] == 40)
    xdotool("mousemove", *map(str, QUALITY), "keydown", "ctrl", "click", "5", "keyup", "ctrl")
    driver.shot("ready")
    click(PARAMETERS)
    click(SIMULATE)
    first = driver.until("simulate: progress", is_running, 120)
    print(f"     first news after {first['first_news_s']:.2f} s (first)")
    keys("Escape", at=VIEW)
    driver.until("cancel with Esc", lambda s: s["job"] is None and "Cancelled" in s["message"] and sources_play(s), 5)
    time.sleep(2)
    click(SIMULATE)
    first = driver.until("simulate again: progress", is_running, 120)
    print(f"     first news after {first['first_news_s']:.2f} s (again)")
    driver.shot("running")
    driver.until("result", lambda s: s["shown"] is not None and all(a.endswith(".sim") for a in s["actions"]), 400)
    keys("Right", "Right", "Right", at=VIEW)
    driver.until("scrub", lambda s: s["frame"] == 4)
    driver.shot("result")
    click(COMPARE)
    time.sleep(1)
    driver.shot("compare")
    click(COMPARE)
    driver.repeat("undo", lambda: keys("ctrl+z", at=VIEW), lambda s: sources_play(s) and not s["takes"])
    driver.repeat(
        "redo", lambda: keys("ctrl+shift+z", at=VIEW), lambda s: s["shown"] is not None and len(s["takes"]) == 1
    )
    click(REJECT)
    driver.until("reject", lambda s: sources_play(s) and not s["takes"])
    click(SIMULATE)
    driver.until("third simulation: progress", is_running, 120)
    keys("ctrl+z", "ctrl+z", "ctrl+shift+z", "ctrl+shift+z", at=VIEW)
    driver.until("undo and redo while it runs", lambda s: s["job"] == "running", 5)
    driver.until("third simulation", lambda s: s["job"] is None and s["shown"] is not None, 400)
    click(ACCEPT)
    driver.until("accept", lambda s: [state for _, state in s["takes"]] == ["ACCEPTED"])
    driver.shot("accepted")
    seen = driver.history()
    print(f"     longest panel redraw {max(s['draw_ms'] for s in seen):.2f} ms of CPU")
    print(f"     longest look of the modal operator at its job {max(s['tick_ms'] for s in seen):.2f} ms")
    gaps = sorted(s["gap_ms"] for s in seen if s["job"] == "running")
    print(f"     lateness of a timer while a job runs: median {gaps[len(gaps) // 2]:.0f} ms, worst {gaps[-1]:.0f} ms")
    driver.quit()


if __name__ == "__main__":
    main()
