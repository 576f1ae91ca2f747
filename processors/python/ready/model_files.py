"""Tells what a model file is by its first bytes, so that a file of another framework is named and not only refused."""
import os
import zipfile

from .model import BadModel

#: Kind -> (what it is, the processor that serves it or None).
KINDS = {
    "xgboost-json": ("an XGBoost model in JSON", "xgboost"),
    "xgboost-ubj": ("an XGBoost model in UBJ", "xgboost"),
    "xgboost-binary": ("an XGBoost model in the binary format", "xgboost"),
    "lightgbm-text": ("a LightGBM model", "lightgbm"),
    "lightgbm-json": ("a LightGBM model dumped as JSON, which LightGBM itself cannot read", None),
    "pickle": ("a Python pickle", "sklearn"),
    "compressed": ("a compressed file", None),
    "skops": ("a skops file", "sklearn"),
    "pmml": ("a PMML model", "pmml"),
    "onnx": ("an ONNX model", "onnx"),
    "saved-model": ("a TensorFlow SavedModel", "tensorflow_cpu"),
    "tensorflow-graph": ("a TensorFlow graph", "tensorflow_cpu"),
    "torch": ("a PyTorch file", "pytorch_cpu"),
    "hdf5": ("an HDF5 file, such as Keras writes", None),
    "keras": ("a Keras model", None),
    "caffemodel": ("a Caffe model", "caffe_cpu"),
    "prototxt": ("a Caffe prototxt", "caffe_cpu"),
    "zip": ("a ZIP archive", None),
    "tar": ("a tar archive", None),
    "html": ("an HTML page, such as a server sends in place of a file", None),
    "git-lfs": ("a pointer of Git LFS and not the file that it stands for", None),
    "json": ("a JSON file", None),
    "xml": ("an XML file", None),
    "empty": ("empty", None),
    "unknown": ("of no known format", None),
}

#: Bytes that are looked at.
FRONT_BYTES = 4096


def kind_of(path):
    """A key of KINDS for a file or folder; raises BadModel for what cannot be read."""
    try:
        if os.path.isdir(path):
            return "saved-model" if os.path.exists(os.path.join(path, "saved_model.pb")) else "unknown"
        with open(path, "rb") as file:
            front = file.read(FRONT_BYTES)
    except OSError as error:
        raise BadModel("%s cannot be read: %s" % (path, error.strerror))
    return _kind_of_bytes(front) if not front.startswith(b"PK\x03\x04") else _kind_of_zip(path)


def _kind_of_bytes(front):
    text = front.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text:
        return "empty"
    if front.startswith(b"version https://git-lfs"):
        return "git-lfs"
    if text.startswith(b"{"):
        return _kind_of_object(text)
    if front[:4] in (b"binf", b"bs64") or _is_xgboost_binary(front):
        return "xgboost-binary"
    if text.startswith(b"tree\nversion=") or text.startswith(b"tree\r\nversion="):
        return "lightgbm-text"
    if text.startswith(b"<"):
        return _kind_of_markup(text)
    if front[0] == 0x80 and 2 <= front[1] <= 5:
        return "pickle"
    if front.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x5d\x00\x00", b"\x04\x22\x4d\x18")) or (
        front[0] == 0x78 and front[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda")
    ):
        return "compressed"
    if front.startswith(b"\x89HDF\r\n"):
        return "hdf5"
    if front[257:262] == b"ustar":
        return "tar"
    return _kind_of_protobuf(front, text)


def _kind_of_object(text):
    if text[1:2] == b"L" and text[10:17] == b"learner":
        return "xgboost-ubj"
    if b'"learner"' in text[:64]:
        return "xgboost-json"
    if b'"tree_info"' in text or text.startswith(b'{"name":"tree"'):
        return "lightgbm-json"
    return "json" if text[1:].lstrip()[:1] in (b'"', b"}") else "unknown"


def _is_xgboost_binary(front):
    """Without the mark `binf` the file begins with its parameters: the base score as a float, and 30 words that are mostly 0 (XGBoost's LearnerModelParamLegacy)."""
    if len(front) < 160:
        return False
    reserved = front[32:136]
    name_bytes = int.from_bytes(front[136:144], "little")
    name = front[144 : 144 + min(name_bytes, 16)]
    return reserved.count(0) >= 100 and 4 <= name_bytes < 64 and name.replace(b":", b"").replace(b"_", b"").isalnum()


def _kind_of_markup(text):
    low = text[:1024].lower()
    if b"<pmml" in text[:FRONT_BYTES].lower():
        return "pmml"
    return "html" if b"<html" in low or low.startswith(b"<!doctype html") else "xml"


def _kind_of_protobuf(front, text):
    # ModelProto of ONNX: ir_version (field 1, a small number), then a string or a message of field 2 to 8 or 14.
    if len(front) > 3 and front[0] == 0x08 and 1 <= front[1] < 128 and front[2] in (0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42):
        return "onnx"
    # GraphDef: nodes (field 1) that begin with their name (field 1). NetParameter of Caffe begins with its name itself.
    if len(front) > 4 and front[0] == 0x0A:
        at = 2 if front[1] < 0x80 else 3
        if front[at] == 0x0A and front[at + 1] < 0x80 and front[at + 2 : at + 2 + front[at + 1]].isascii():
            return "tensorflow-graph"
        if front[at : at + front[1]].isascii() and front[1] < 0x80:
            return "caffemodel"
    if text[:FRONT_BYTES].isascii() and (b"layer {" in text or b"layers {" in text or b"input_dim:" in text):
        return "prototxt"
    return "unknown"


def _kind_of_zip(path):
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return "zip"
    if "schema.json" in names:
        return "skops"
    if any(name.endswith(("/data.pkl", "/constants.pkl")) for name in names):
        return "torch"
    return "keras" if {"config.json", "metadata.json"} <= names else "zip"


def find(path, allowed, processor):
    """The file to load: `path`, or the only file of an allowed kind when `path` is a folder. Returns `(file, kind)`.

    Raises BadModel with a sentence that names what was found, and the processor that serves it.
    """
    if path is None:
        raise BadModel('there is no model; processor "%s" needs model_path' % processor)
    if os.path.isdir(path) and kind_of(path) == "unknown":
        return _only_of(path, allowed, processor)
    kind = kind_of(path)
    if kind in allowed:
        return path, kind
    what, other = KINDS[kind]
    found = "%s is %s" % (os.path.basename(os.path.normpath(path)), what)
    use = '; use processor "%s" for it' % other if other and other != processor else ""
    raise BadModel('%s; processor "%s" reads %s%s' % (found, processor, readable(allowed), use))


def _only_of(folder, allowed, processor):
    names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    files = [os.path.join(folder, name) for name in names if os.path.isfile(os.path.join(folder, name))]
    found = [(file, kind) for file, kind in ((file, kind_of(file)) for file in files) if kind in allowed]
    if len(found) == 1:
        return found[0]
    if len(files) == 1:
        return find(files[0], allowed, processor)
    if not found:
        shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        raise BadModel(
            'no file that processor "%s" reads in %s, which has %s; it reads %s'
            % (processor, folder, shown or "nothing", readable(allowed))
        )
    shown = ", ".join(os.path.basename(file) for file, _ in found[:5])
    raise BadModel("%d models in %s: %s; name one as model_entry" % (len(found), folder, shown))


def readable(kinds):
    """`a Python pickle or a skops file`."""
    words = [KINDS[kind][0] for kind in kinds]
    return words[0] if len(words) == 1 else "%s or %s" % (", ".join(words[:-1]), words[-1])


def corrupt(path, kind, error):
    """BadModel for a file that looks right and cannot be loaded; `error` is the library's."""
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return BadModel("%s looks like %s and cannot be loaded: %.300s" % (os.path.basename(path), KINDS[kind][0], first))
