# Sourced by ./dev. fetch_oracles: unpacks the C sources of llhttp, second opinion of the HTTP/1 fuzzer, to
# build/llhttp. They come in Debian's node-llhttp, whose dependencies (Node) are not wanted here: downloaded, unpacked,
# never installed. Without a network the fuzzer builds without this oracle and says so.
fetch_oracles() {
  [[ -e build/llhttp/llhttp.h ]] && return 0
  local unpack
  unpack=$(mktemp -d)
  if (cd "$unpack" && apt-get download -qq node-llhttp && dpkg -x node-llhttp_*.deb tree) >&2; then
    mkdir -p build/llhttp
    find "$unpack/tree/usr/share" -path '*llhttp*' \( -name '*.c' -o -name llhttp.h \) -exec cp {} build/llhttp/ \;
  else
    echo "llhttp could not be fetched (apt-get download node-llhttp): fuzzing without it" >&2
  fi
  rm -rf "$unpack"
}

# foreign_seeds NAME: prints the folder of inputs that other projects keep for such a fuzzer, unpacked to build/ from
# ../shared/data where that is; nothing where it is not.
foreign_seeds() {
  local archive=../shared/data/vectors/h2o-fuzz-corpora.tar.xz
  [[ $1 == http1_* && -e $archive ]] || return 0
  [[ -d build/corpus/h2o ]] || { mkdir -p build/corpus/h2o && tar -xJf "$archive" -C build/corpus/h2o; }
  echo build/corpus/h2o/fuzz/http1-corpus
}
