#!/bin/sh
# COMPILER ARGUMENT...: runs it, and when it made precompiled headers writes FILE.pch.sum beside them, a hash of every header
# that is within. ccache goes by that (CCACHE_PCH_EXTSUM): the compiled form itself holds the paths of one folder.
"$@" || exit
out= before=
for word; do
  [ "$before" = -o ] && out=$word
  before=$word
done
case $out in
  *.pch) tr -d '\\' <"$out.d" | tr -s ' ' '\n' | grep '^/' | grep -v '/cmake_pch\.hxx' | xargs cat | sha256sum >"$out.sum" ;;
esac
