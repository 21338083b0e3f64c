"""Writes the arrays that the tests of npy read, with numpy. Run in this folder."""
import io
import numpy as np

a = np.arange(6, dtype=np.float32).reshape(2, 3) / 4
np.save("arange.npy", a)
np.savez_compressed(
    "arrays.npz",
    fortran=np.asfortranarray(a.astype(np.float64)),
    big_endian=np.array([-70000, 5], dtype=">i4"),
    half=np.array([0.0, -0.0, 1.5, -65504.0, 6e-8, np.inf, np.nan], dtype=np.float16),
    flag=np.array([True, False]),
    scalar=np.array(7, dtype=np.int64),
    empty=np.zeros((0, 3), dtype=np.uint8),
    short=np.array([[-300], [300]], dtype=np.int16),
    unsigned=np.array([2**40], dtype=np.uint64),
    byte=np.array([-1], dtype=np.int8),
    word=np.array([65535], dtype=np.uint16),
)
file = io.BytesIO()
np.lib.format.write_array(file, a, version=(3, 0))
open("version3.npy", "wb").write(file.getvalue())
