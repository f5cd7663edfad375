"""What crun's tests take from Python 3.12's os, for older ones. setns(2), unshare(2)"""
import ctypes
import os

if not hasattr(os, "setns"):
    _libc = ctypes.CDLL(None, use_errno=True)

    def _call(function, *arguments):
        if function(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    os.CLONE_NEWNET = 0x40000000
    os.setns = lambda fd, kind=0: _call(_libc.setns, fd, kind)
    os.unshare = lambda flags: _call(_libc.unshare, flags)
