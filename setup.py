"""The one step that pyproject.toml cannot say: the app, its pages and its assets travel in the wheel.

They lie at the top of the repository, where ``streamlit run app.py`` finds them; in a wheel they lie in
``senet_viz/_site``. ``senet_viz.assets`` looks there first.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
SITE = ("app.py", "pages", "assets", ".streamlit/config.toml")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "screenshots")


class WithSite(build_py):
    """``build_py``, and a copy of the site; an editable install uses the repository's own."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        site = Path(self.build_lib) / "senet_viz" / "_site"
        shutil.rmtree(site, ignore_errors=True)
        for name in SITE:
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            if (HERE / name).is_dir():
                shutil.copytree(HERE / name, site / name, ignore=LEFT_OUT)
            else:
                shutil.copy2(HERE / name, site / name)


setup(cmdclass={"build_py": WithSite})
