#!/bin/sh
# SPDX-License-Identifier: MIT
# first_run.sh ROOT WHEEL - tests a wheel of `make wheels` on an empty system: ROOT is a folder with an empty Debian 12, made by
# debootstrap --variant=minbase bookworm ROOT. The script installs Python and pip from Debian, and NumPy and scikit-learn, which has the
# data set of digits, from PyPI. Then it runs the five lines of examples/python/digits.py, which train a model and show samples. It prints
# the seconds of each part. It is not a part of make check.
set -eu
root=$1 wheel=$2
cp "$wheel" "$(dirname "$0")/../examples/python/digits.py" "$root/tmp/"
inside() { # inside WHAT COMMAND...
    what=$1 began=$(date +%s)
    shift
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive PIP_CERT="${PIP_CERT:-}" "$@"
    echo "$what: $(($(date +%s) - began)) s"
}
inside 'apt-get update' apt-get -q update
inside 'apt-get install python3-venv' apt-get -q install -y --no-install-recommends python3-venv ca-certificates
inside 'python3 -m venv' python3 -m venv /tmp/venv
inside "pip install $(basename "$wheel") scikit-learn" /tmp/venv/bin/pip install -q "/tmp/$(basename "$wheel")" scikit-learn
inside 'digits.py' /tmp/venv/bin/python /tmp/digits.py
