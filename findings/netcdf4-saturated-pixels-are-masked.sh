#!/usr/bin/env bash
#
# Packages: netcdf4 1.7.5.1.post1, h5netcdf 1.8.2, h5py 3.16.0, numpy 2.4.6.
# Guess: integers written to a netCDF file without a fill value are read back as they were.
# What happens: netCDF4 masks every value that equals the default fill value of its type, though the file says
# nothing of one. For unsigned 16-bit integers that is 65535, for int16 -32767, for uint8 255. h5netcdf
# and h5py read the same file without a mask. `set_auto_mask(False)` helps.
# Why it matters: 65535 is where a 16-bit detector saturates, and 255 is white. The brightest pixels are
# missing, means and maxima of masked arrays pass over them without a word, and a saturated star
# has the magnitude of its wings.
#
# Output seen:
#   uint16 written [1000, 65535, 65535, 1000]:
#     netCDF4 [1000, None, None, 1000], mean 1000; h5netcdf [1000, 65535, 65535, 1000], mean 33267.5
#   int16 written [5, -32767, -32767, 5]:
#     netCDF4 [5, None, None, 5], mean 5; h5netcdf [5, -32767, -32767, 5], mean -16381
#   uint8 written [10, 255, 255, 10]:
#     netCDF4 [10, None, None, 10], mean 10; h5netcdf [10, 255, 255, 10], mean 132.5
#   netCDF4 with set_auto_mask(False): [1000, 65535, 65535, 1000]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    netcdf4==1.7.5.1.post1 h5netcdf==1.8.2 h5py==3.16.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import h5netcdf
import netCDF4
import numpy as np

frames = {"uint16": [1000, 65535, 65535, 1000], "int16": [5, -32767, -32767, 5], "uint8": [10, 255, 255, 10]}
with netCDF4.Dataset("frames.nc", "w") as file:
    file.createDimension("x", 4)
    for name, values in frames.items():
        file.createVariable(name, name, ("x",))[:] = np.array(values, dtype=name)

with netCDF4.Dataset("frames.nc") as masking, h5netcdf.File("frames.nc") as plain:
    for name, values in frames.items():
        seen, other = masking[name][:], plain[name][:]
        print(f"{name} written {values}:")
        print(f"  netCDF4 {seen.tolist()}, mean {seen.mean():g}; h5netcdf {other.tolist()}, mean {other.mean():g}")
        assert masking[name].ncattrs() == []
        assert seen.tolist() == [values[0], None, None, values[3]]
        assert other.tolist() == values
    masking.set_auto_mask(False)
    values = masking["uint16"][:].tolist()
    print("netCDF4 with set_auto_mask(False):", values)
    assert values == frames["uint16"]
PYTHON
