"""A broken, hostile or misnamed file of points gives one ValueError with its name.

Memory stays bounded, whatever a header promises. ``NRAE_FUZZ`` is the number of random changes that
each reader is tried with.
"""

import codecs
import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from nrae_geometric.datasets import PointsFile, read_points

POINTS = np.random.default_rng(0).normal(size=(12, 3))


def npy(array=POINTS):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npy_with_header(header: str, content: bytes = POINTS.tobytes()) -> bytes:
    text = header.encode("latin-1")
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **(arrays or {"points": POINTS}))
    return buffer.getvalue()


def npz_with_member(content: bytes, name: str = "points.npy") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def pt(value=None):
    buffer = io.BytesIO()
    torch.save(torch.from_numpy(POINTS) if value is None else value, buffer)
    return buffer.getvalue()


def csv():
    rows = "".join(",".join(map(repr, row)) + "\n" for row in POINTS.tolist())
    return f"a,b,c\n{rows}".encode()


def parquet():
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table({name: POINTS[:, i] for i, name in enumerate("abc")}), buffer)
    return buffer.getvalue()


def png():
    buffer = io.BytesIO()
    Image.fromarray((POINTS * 40 + 120).astype(np.uint8)).save(buffer, "png")
    return buffer.getvalue()


CONTENTS = {".npy": npy, ".npz": npz, ".pt": pt, ".csv": csv, ".parquet": parquet}


def header(shape, descr="<f8", order=False):
    return f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}"


@pytest.mark.usefixtures("_bounded_memory")
@pytest.mark.parametrize(
    "content",
    [
        npy_with_header(header((10**12, 3))),
        npy_with_header(header((2**62, 2**62))),
        npy_with_header(header((-12, -3))),
        npy_with_header(header((0, 3))),
        npy_with_header(header((11, 3))),
        npy_with_header(header((12, 3)), POINTS.tobytes()[:-1]),
        npy_with_header(header((12, 3)), POINTS.tobytes() + npy()),
        npy_with_header(header((12, 3), "|O")),
        npy_with_header(header((12, 3), "<M8[ns]")),
        npy_with_header(header((12, 3), "<U2")),
        npy_with_header(header((12, 3), "|V8")),
        npy_with_header(header((12, 3), "<c16")),
        npy_with_header(header((12, 3), "f99")),
        npy_with_header(header((12, 3), [["a", "<f8"]])),
        npy_with_header(header("(12, 3")),
        npy_with_header(header("'''")),
        npy_with_header("{'descr': '<f8', "),
        npy_with_header("[" * 9000),
        npy_with_header("{" + "-" * 9000 + "1}"),
        npy_with_header("__import__('os').abort()"),
        npy_with_header("\x00\xff"),
        b"\x93NUMPY\x09\x09" + npy()[8:],
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + npy()[12:],
        b"\x93NUMPY\x03\x00" + npy()[8:],
        b"\x93NUMPY",
        pickle.dumps(POINTS),
        pickle.dumps(POINTS, protocol=0),
    ],
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_header_of_an_array_that_is_wrong(tmp_path, content, suffix, refusal):
    path = tmp_path / f"points{suffix}"
    path.write_bytes(content if suffix == ".npy" else npz_with_member(content))
    assert "memory" not in refusal(path)
    assert "memory" not in refusal(path, mmap=True)


def bomb(claimed: int) -> bytes:
    """An archive whose directory and header claim more than its content can be."""
    content = npz_with_member(npy_with_header(header((claimed // 8, 1)), b"\0" * 1000))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = struct.pack("<I", archive.infolist()[0].file_size)
    return content.replace(size, struct.pack("<I", claimed % 2**32))


@pytest.mark.usefixtures("_bounded_memory")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npz(a=POINTS, b=POINTS), r"name one of its arrays"),
        (npz(a=np.array([{}], dtype=object)), "real numbers, not of type object"),
        (npz_with_member(b"text", "notes.txt"), "damaged"),
        (npz_with_member(b"", "points.npy"), "damaged"),
        (bomb(2**32 - 8), "promises"),
        (b"PK\x05\x06" + b"\0" * 18, "there are none"),
        (npz()[:-30], "damaged"),
        (npz()[30:], "damaged"),
    ],
)
def test_archive_that_is_wrong(tmp_path, content, message, refusal):
    path = tmp_path / "points.npz"
    path.write_bytes(content)
    assert message in refusal(path)


@pytest.mark.usefixtures("_bounded_memory")
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"x": torch.zeros(2, 2)}, "no tensor but a dict"),
        ([1, 2], "no tensor but a list"),
        (torch.zeros(1).expand(2**40).view(-1, 2), "repeats its numbers"),
        (torch.eye(3).to_sparse(), "dense tensor"),
        (torch.zeros(2, 2, device="meta"), "meta"),
        (torch.zeros(2, 2, dtype=torch.complex64), "real numbers"),
        (torch.zeros(3), "points are rows"),
        (torch.tensor([[torch.nan, 1.0]]), "NaN"),
    ],
)
def test_tensor_that_holds_no_points(tmp_path, value, message, refusal):
    path = tmp_path / "points.pt"
    path.write_bytes(pt(value))
    assert message in refusal(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a;b\n1,5;2\n", "separated by semicolons"),
        ("a\tb\n1\t2\n", "separated by tabs"),
        ("a|b\n1|2\n", "separated by vertical bars"),
        ("a,b\n1;2\n", "line 2 has 1 cells, not 2"),
        ("a,b\n1\n2,3\n", "line 2 has 1 cells, not 2"),
        ("a,b\n1,2,\n", "line 2 has 3 cells, not 2"),
        ("a,b\n1,2\n3,4,5\n", "line 3 has 3 cells, not 2"),
        ("a,b\n2024-01-01,2\n", "column 'a': '2024-01-01' is no number"),
        ("a,b\n1,NA\n", "column 'b': 'NA' is no number"),
        ("a,b\n1,\n", "column 'b' is empty"),
        ("a,b\n1,nan\n", "1 of 1 points have NaN"),
        ("a,b\n1,1e999\n", "1 of 1 points have NaN or infinite"),
        ("a,b\n1,0x10\n", "'0x10' is no number"),
        ("a,b\n1,1+2j\n", "is no number"),
        ('a,b\n"1,5",2\n', "'1,5' is no number"),
        ('a,b\n1,"2\n', "a quote that is not closed"),
        ('a,b\n1,"2', "a quote that is not closed"),
        ("a,b\n", "no points"),
        ("\n", "no points"),
        ("\n\n1,2\n", "no points|names 0 columns"),
        ("a,a\n1,b\n", "is no number"),
        ("a," + "b" * 200_000 + "\n1,2\n", "field larger than"),
        ("a,b\n1," + "2" * 200_000 + "x\n", "is no number|field larger"),
        ("a,b\n1,2\x00\n", "is no number"),
        ("größe,b\n1,2\n".encode("latin-1"), "not encoded in UTF-8"),
        ("a,b\n1,2 €\n".encode("cp1252"), "not encoded in UTF-8"),
        ("a,b\n1,2\n".encode("utf-16-le"), "damaged|no number|numbers|separated|names"),
        (codecs.BOM_UTF16_LE + b"a", "not encoded|damaged|no points"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not encoded in UTF-8"),
    ],
)
def test_table_that_is_wrong(tmp_path, content, message, refusal):
    path = tmp_path / "points.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = refusal(path)
    assert any(each in found for each in message.split("|")), found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_table_of_any_marked_encoding_and_line_end_is_read(tmp_path, encoding, end):
    path = tmp_path / "points.csv"
    path.write_bytes(end.join(["größe", "1", "2.5", ""]).encode(encoding))
    points, names = read_points(path)
    assert (points.tolist(), names) == ([[1], [2.5]], ["größe"])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"a": [1, None]}, "NaN"),
        ({"a": ["x", "y"]}, "of type string"),
        ({"a": [[1], [2]]}, "of type list"),
        ({"a": [True, False]}, "of type bool"),
        ({}, "no columns"),
        ({"a": []}, "of type null"),
    ],
)
def test_parquet_that_holds_no_points(tmp_path, table, message, refusal):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "points.parquet"
    parquet.write_table(pyarrow.table(table), path)
    assert message in refusal(path)


def test_parquet_with_two_columns_of_one_name(tmp_path, refusal):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "points.parquet"
    parquet.write_table(pyarrow.table([[1.0], [2.0]], names=["a", "a"]), path)
    assert "more than one column 'a'" in refusal(path)


@pytest.mark.parametrize("suffix", CONTENTS)
@pytest.mark.parametrize("other", [*CONTENTS, "text", "empty", "zeros", "html", "zip"])
def test_content_of_another_kind_than_the_ending_says(tmp_path, suffix, other, refusal):
    if other == suffix:
        pytest.skip("is the same kind")
    texts = {
        "text": b"Dear reader,\nthese are no points.\n",
        "empty": b"",
        "zeros": b"\0" * 1000,
        "html": b"<!DOCTYPE html>\n<html><body>404</body></html>\n",
        "zip": npz_with_member(b"text", "readme.txt"),
    }
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"points{suffix}"
    path.write_bytes(texts[other] if other in texts else CONTENTS[other]())
    message = refusal(path)
    assert other != "empty" or "empty" in message or "no points" in message


def test_folders_devices_and_pipes_are_no_files(tmp_path, refusal):
    (tmp_path / "points.npy").mkdir()
    assert "no images in this folder" in refusal(tmp_path / "points.npy")
    os.mkfifo(tmp_path / "points.csv")
    assert "device or a pipe" in refusal(tmp_path / "points.csv")
    with pytest.raises(ValueError, match="is empty"):
        read_points("")
    with pytest.raises(TypeError, match="columns must be a list of names"):
        read_points(tmp_path / "points.npy", columns="ab")
    (tmp_path / "gone.npy").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"gone\.npy"):
        read_points(tmp_path / "gone.npy")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([("a.png", "L", (4, 5)), ("b.png", "L", (5, 4))], "of b.png are"),
        ([("a.png", "RGB", (4, 5)), ("b.png", "RGBA", (4, 5))], "of b.png are"),
        ([("a.png", "L", (4, 5)), ("b.png", "LA", (4, 5))], "of b.png are"),
        ([("a.tiff", "F", (4, 5))], "mode F"),
        ([("a.tiff", "I", (4, 5))], "mode I"),
    ],
)
def test_images_that_do_not_go_together(tmp_path, images, message, refusal):
    for name, mode, size in images:
        Image.new(mode, size).save(tmp_path / name)
    assert message in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"text", png()[:-30], png()[:40], png()[20:], npy()])
def test_image_that_is_broken(tmp_path, content, refusal):
    (tmp_path / "a.png").write_bytes(content)
    assert "a.png cannot be read" in refusal(tmp_path)


def test_image_of_several_frames_or_a_folder_named_like_one(tmp_path, refusal):
    frames = [Image.new("L", (4, 4), color) for color in (0, 255)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert "a.gif has 2 frames" in refusal(tmp_path)
    (tmp_path / "a.gif").unlink()
    (tmp_path / "a.png").mkdir()
    assert "a.png cannot be read" in refusal(tmp_path)


def test_image_turned_by_its_camera_is_turned_back(tmp_path):
    image = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 270 degrees
    image.save(tmp_path / "a.png", exif=exif)
    assert read_points(tmp_path)[0].shape == (1, 1, 3, 2)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (POINTS * 1e200, "single precision ends at 3.4e38"),
        (POINTS * 1e-310, "all points are equal"),
        (POINTS + 1e12, "all points are equal"),
    ],
)
def test_points_that_single_precision_cannot_hold(tmp_path, points, message, refusal):
    path = tmp_path / "points.npy"
    np.save(path, points)
    assert message in refusal(path, PointsFile)


@pytest.mark.usefixtures("_bounded_memory")
@pytest.mark.parametrize("kind", CONTENTS)
def test_any_change_of_a_file_leaves_points_or_one_named_error(tmp_path, kind, try_changes):
    path = tmp_path / f"points{kind}"
    # What a page of Parquet or a pickle promises is known to its reader alone.
    is_bounded = kind not in (".parquet", ".pt")
    try_changes(CONTENTS[kind](), path, path, read_points, is_bounded=is_bounded)


@pytest.mark.usefixtures("_bounded_memory")
def test_any_change_of_an_image_leaves_points_or_one_named_error(tmp_path, try_changes):
    try_changes(png(), tmp_path / "a.png", tmp_path, read_points)
