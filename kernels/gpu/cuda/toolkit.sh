#!/usr/bin/env bash
# Prints the folder of a CUDA toolkit: bin/nvcc and include/cuda.h are in it.
#   toolkit.sh find      the one in CUDA_HOME, on the PATH, in /usr/local/cuda, or
#                        that `install` made; prints nothing where there is none
#   toolkit.sh install   the same; where there is none, installs the compiler and
#                        its headers from PyPI into .cuda (x86-64 Linux, 450 MB)
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
dir=$root/.cuda

packages=(
  nvidia-cuda-nvcc==13.0.88
  nvidia-cuda-crt==13.0.88
  nvidia-nvvm==13.0.88
  nvidia-cuda-runtime==13.0.96
  nvidia-cuda-cccl==13.0.85
)

whole() { [ -x "$1/bin/nvcc" ] && [ -f "$1/include/cuda.h" ]; }

installed() { # where the packages put the toolkit, or nothing
  local d
  for d in "$dir"/lib/python3*/site-packages/nvidia/cu13; do
    if whole "$d" && [ "$(cat "$dir/packages" 2>/dev/null)" = "${packages[*]}" ]; then
      echo "$d"
    fi
  done
}

find_toolkit() {
  local nvcc
  if [ -n "${CUDA_HOME:-}" ]; then
    if ! whole "$CUDA_HOME"; then
      echo "toolkit.sh: CUDA_HOME is $CUDA_HOME, where bin/nvcc or include/cuda.h is missing" >&2
      exit 1
    fi
    echo "$CUDA_HOME"
    return
  fi
  nvcc=$(command -v nvcc || true)
  for d in ${nvcc:+"$(dirname "$(dirname "$(readlink -f "$nvcc")")")"} /usr/local/cuda; do
    if whole "$d"; then
      echo "$d"
      return
    fi
  done
  installed
}

install_toolkit() {
  echo "toolkit.sh: installing the CUDA compiler into $dir" >&2
  rm -rf "$dir"
  python3 -m venv "$dir"
  "$dir/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps "${packages[@]}" >&2
  echo "${packages[*]}" >"$dir/packages"
}

case ${1:-} in
find) find_toolkit ;;
install)
  home=$(find_toolkit)
  if [ -z "$home" ]; then
    install_toolkit
    home=$(installed)
    [ -n "$home" ] || { echo "toolkit.sh: no nvcc and cuda.h in $dir after installing" >&2; exit 1; }
  fi
  echo "$home"
  ;;
*)
  echo "usage: toolkit.sh find|install" >&2
  exit 2
  ;;
esac
