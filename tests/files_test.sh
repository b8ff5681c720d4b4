#!/usr/bin/env bash
# files_test.sh DIGITS MAKE_DIGITS: chapter 08 reads what make_digits writes, and refuses files that are missing,
# truncated, foreign, empty, damaged or at odds with one line on stderr, nothing on stdout, and exit code 2.
set -uo pipefail
digits=$1 make_digits=$2
unset XGRAD_MNIST
folder=$(mktemp -d) || exit
trap 'rm -rf -- "$folder"' EXIT
failures=0

bad() {
  printf 'BAD   %s\n' "$*"
  failures=$((failures + 1))
}

refuses() {  # refuses WORDS COMMAND…: one line that has WORDS in it
  local words=$1 status said
  shift
  said=$("$@" 2>&1 >"$folder/stdout" </dev/null)
  status=$?
  [ $status = 2 ] && [ "$(wc -l <<<"$said")" = 1 ] && [[ $said == *"$words"* ]] && [ ! -s "$folder/stdout" ] &&
    printf 'good  %s\n' "${said/"$folder"/…}" || bad "exit code $status, not «$words» alone but: $said"
}

fresh() {  # a good folder, small
  rm -rf -- "$folder/data"
  "$make_digits" "$folder/data" --train 40 --test 20 "$@" >/dev/null || bad "make_digits $*"
}
images=$folder/data/train-images-idx3-ubyte labels=$folder/data/train-labels-idx1-ubyte

for form in "" --plain; do
  fresh $form
  "$digits" --data "$folder/data" --epochs 1 --require 0 >"$folder/out" 2>/dev/null &&
    grep -q "40 images to learn from, 20 to test with" "$folder/out" && echo "good  reads what make_digits $form wrote" ||
    bad "reading what make_digits $form wrote"
done

fresh --plain
cp "$images" "$folder/images"
refuses "does not exist" "$digits" --data "$folder/no_such_folder"
refuses "is not a folder" "$digits" --data "$images"
mkdir "$folder/nothing"
refuses "has neither train-images" "$digits" --data "$folder/nothing"
refuses "has neither train-images" env XGRAD_MNIST="$folder/nothing" "$digits"
refuses "there are 40 training images" "$digits" --data "$folder/data" --train 41
: >"$images"
refuses "is empty (0 bytes)" "$digits" --data "$folder/data"
head -c 1000 "$folder/images" >"$images"
refuses "the file is truncated" "$digits" --data "$folder/data"
(cat "$folder/images" && printf x) >"$images"
refuses "nothing may follow the data" "$digits" --data "$folder/data"
printf '<!DOCTYPE html><title>404</title>' >"$images"
refuses "an IDX file begins with" "$digits" --data "$folder/data"
cp "$labels" "$images"
refuses "images have 3 axes" "$digits" --data "$folder/data"
cp "$folder/images" "$images"
printf '\0\0\10\1\0\0\0\2\1\2' >"$labels"
refuses "each image has one label" "$digits" --data "$folder/data"
(printf '\0\0\10\1\0\0\0\50' && head -c 40 /dev/zero | tr '\0' '\12') >"$labels"
refuses "labels are 0 to 9" "$digits" --data "$folder/data"
rm "$labels"
refuses "come in pairs" "$digits" --data "$folder/data"
fresh
head -c 2000 "$images.gz" >"$folder/part" && mv "$folder/part" "$images.gz"
refuses "the file is truncated" "$digits" --data "$folder/data"
fresh
printf 'x' | dd of="$images.gz" bs=1 seek=3000 conv=notrunc 2>/dev/null
refuses "damaged" "$digits" --data "$folder/data"

for value in nan 0 -1 fast; do refuses "--lr" "$digits" --lr $value; done
for option in epochs batch train; do for value in 0 -1 many; do refuses "--$option" "$digits" --$option $value; done; done
refuses "--schedule" "$digits" --schedule cosine
refuses "not expected" "$digits" --no-such-option
refuses "not expected" "$make_digits" "$folder/data" --no-such-option
refuses "is required" "$make_digits"
refuses "make_digits" "$make_digits" "$folder/images/below_a_file"
[ $failures = 0 ]
