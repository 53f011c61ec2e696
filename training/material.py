"""Fetch and prepare the material: python -m training.material WORK (about 4 minutes; MATERIAL.md lists it).

pip and apt fetch the packages by name; what is in them is checked by SHA-256.
"""

import argparse
import bz2
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.film import CHUNK, LARGE, PERIOD, SMALL, FilmSize

MOVIEPY, SKIMAGE, SCIPY = "moviepy==2.2.1", "scikit-image==0.26.0", "scipy==1.9.3"
WALLPAPERS = "lomiri-wallpapers-16.04"
FILM_SHA256 = "475fbbf34c4c367998f80c29ea03b15a743941179b12da3373fc6706e68621d0"
PICTURES = (
    "astronaut.png", "rocket.jpg", "coffee.png", "chelsea.png", "retina.jpg",
    "hubble_deep_field.jpg", "camera.png", "grass.png", "gravel.png", "brick.png",
)  # fmt: skip
PHOTOGRAPHS = (
    "Wine_by_Jakkub_Mede", "aitzgorri_by_Aitzol_Berasategi", "friends_by_Aitzol_Berasategi",
    "life_by_Aitzol_Berasategi", "picosdeeuropa_by_Aitzol_Berasategi",
    "seeding_by_Clements_Engelhardt", "sunset_by_Aitzol_Berasategi", "umang_by_Abhishek_Mudgal",
)  # fmt: skip
LONGEST = 1280  # pixels: photographs are made this small


def fetch(work: Path) -> None:
    """The packages, into WORK/packages."""
    packages = work / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(packages)]
    subprocess.run([*pip, "--no-binary", ":all:", "--no-build-isolation", MOVIEPY], check=True)
    subprocess.run([*pip, SKIMAGE], check=True)
    old = ["--only-binary", ":all:", "--python-version", "3.11", "--platform", "manylinux2014_x86_64"]
    subprocess.run([*pip, *old, SCIPY], check=True)
    subprocess.run(["apt-get", "download", "--quiet", WALLPAPERS], cwd=packages, check=True)


def unpack_film(work: Path) -> Path:
    """The film as the package has it: H.264, 1280x720."""
    film = work / "bbb.mp4"
    (source,) = (work / "packages").glob("moviepy-*.tar.gz")
    with tarfile.open(source) as outer:
        inner = next(m for m in outer if m.name.endswith("/moviepy_10_minutes.zip"))
        data = outer.extractfile(inner)
        assert data is not None
        with zipfile.ZipFile(io.BytesIO(data.read())) as archive:
            film.write_bytes(archive.read("moviepy_10_minutes/resources/bbb.mp4"))
    found = hashlib.sha256(film.read_bytes()).hexdigest()
    if found != FILM_SHA256:
        raise SystemExit(f"{film}: SHA-256 {found}, not {FILM_SHA256}")
    return film


def decode_film(film: Path, size: FilmSize, *, chosen: str) -> None:
    """Raw RGB frames beside the film. chosen: a filter in front, or nothing."""
    scale = f"zscale=min=709:rin=limited:m=gbr:r=full:w={size.width}:h={size.height}:f=lanczos"
    graph = f"[0:v]{chosen}{scale},format=gbrp,format=rgb24[out]"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(film)]
    command += ["-filter_complex", graph, "-map", "[out]", "-fps_mode", "passthrough", "-f", "rawvideo"]
    subprocess.run([*command, str(film.with_name(size.name))], check=True)


def collect_pictures(work: Path) -> dict[str, NDArray[np.uint8]]:
    """Every picture as (H, W, 3)."""
    packages = work / "packages"
    pictures = {}
    (skimage,) = packages.glob("scikit_image-*.whl")
    with zipfile.ZipFile(skimage) as archive:
        for name in PICTURES:
            pictures[Path(name).stem] = _rgb(archive.read(f"skimage/data/{name}"))
    (scipy,) = packages.glob("scipy-*.whl")
    with zipfile.ZipFile(scipy) as archive:
        face = bz2.decompress(archive.read("scipy/misc/face.dat"))
    pictures["face"] = np.frombuffer(face, np.uint8).reshape(768, 1024, 3)
    (debian,) = packages.glob("lomiri-wallpapers-*.deb")
    subprocess.run(["dpkg", "-x", str(debian), str(work / "lomiri")], check=True)
    for name in PHOTOGRAPHS:
        path = work / f"lomiri/usr/share/backgrounds/{name}.jpg"
        pictures[name.lower()] = _rgb(path.read_bytes(), LONGEST)
    return pictures


def _rgb(data: bytes, longest: int | None = None) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as picture:
        rgb = picture.convert("RGB")
    if longest is not None:
        part = longest / max(rgb.size)
        rgb = rgb.resize((round(rgb.width * part), round(rgb.height * part)), Image.Resampling.LANCZOS)
    return np.asarray(rgb)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path, help="a folder with 5 GB free")
    work = parser.parse_args().work
    fetch(work)
    film = unpack_film(work)
    decode_film(film, SMALL, chosen="")
    decode_film(film, LARGE, chosen=f"select='lt(mod(n,{PERIOD}),{CHUNK})',")
    np.savez(work / "pictures.npz", **collect_pictures(work))


if __name__ == "__main__":
    main()
