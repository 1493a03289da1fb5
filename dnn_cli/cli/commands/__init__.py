"""Commands of `dnn`, one file each."""
