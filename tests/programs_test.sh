#!/usr/bin/env bash
# programs_test.sh BUILD: train-digits, translate and continue-text as their users meet them: help, wrong options, bad files,
# Ctrl-C and kill in the middle, going on from there with the same numbers, logs.
set -uo pipefail
build=$1
shopt -s nullglob
export LC_ALL=C.UTF-8
folder=$(mktemp -d) || exit
trap 'rm -rf -- "$folder"' EXIT
cd -- "$folder" || exit
failures=0

good() { printf 'good  %s\n' "$*"; }
bad() {
  printf 'BAD   %s\n' "$*"
  failures=$((failures + 1))
}

refuses() {  # refuses WORDS PROGRAM ARGUMENT…: exit code 2, and one line with WORDS on stderr
  local words=$1 program=$2 status said
  shift 2
  said=$("$build/$program" "$@" 2>&1 >stdout </dev/null)
  status=$?
  if [ $status = 2 ] && [ "$(wc -l <<<"$said")" = 1 ] && [[ $said == *"$words"* ]]; then
    good "${said/"$folder"/…}"
  else
    bad "$program $*: exit code $status, not «$words» alone but: $said"
  fi
}

same() {  # same WHAT FILE FILE
  if cmp -s -- "$2" "$3"; then good "$1"; else
    bad "$1: they differ"
    diff -- "$2" "$3" | head -n 6
  fi
}

# until_done COMMAND…: interrupted, and killed, again and again after longer and longer times, until it ends by itself.
until_done() {
  local time=.05 signal=INT stopped=0 status
  for _ in {1..20}; do
    { timeout --preserve-status -s $signal "$time" "$@" >stdout 2>stderr </dev/null; } 2>/dev/null
    status=$?
    case $status in
      0) break ;;
      130 | 137) stopped=$((stopped + 1)) ;;
      *) bad "exit code $status: $(cat stderr)" ;;
    esac
    if [ $signal = INT ]; then signal=KILL; else signal=INT; fi
    time=$(awk "BEGIN {print $time * 1.5}")
  done
  if [ $status = 0 ] && [ $stopped -gt 0 ]; then good "stopped $stopped times, then done: ${1##*/}"; else
    bad "${1##*/} ended with $status after $stopped stops"
  fi
}

# ctrl_c LOG COMMAND…: Ctrl-C once the log has its second line saves, says so, and ends with 130.
ctrl_c() {
  local log=$1 status process
  shift
  "$@" >stdout 2>stderr </dev/null &
  process=$!
  for _ in {1..600}; do
    if [ -e "$log" ] && [ "$(wc -l <"$log")" -ge 2 ]; then break; fi
    sleep .1
  done
  kill -INT $process
  wait $process
  status=$?
  if [ $status = 130 ] && grep -q '^Stopped after step [0-9]*, saved in .*\. The same command goes on from there\.$' stderr; then
    good "Ctrl-C: $(tail -n 1 stderr)"; else
    bad "Ctrl-C: exit code $status, $(tail -n 1 stderr)"
  fi
}

for program in train-digits translate continue-text; do
  if "$build/$program" --help | grep -q -- '--checkpoint'; then good "$program --help"; else bad "$program --help"; fi
  refuses "--no-such-option" $program --no-such-option
  refuses "--lr" $program --lr nan
  refuses "--lr" $program --lr 0
done

# --- train-digits -----------------------------------------------------------------------------------------------------
digits=("$build/train-digits" --images 500 --epochs 6 --width 32)
"${digits[@]}" --checkpoint a.safetensors --csv a.csv --json-lines a.jsonl --tensorboard a.tb >a.out 2>/dev/null </dev/null ||
  bad "train-digits: exit code $?"
if grep -q '^generated digits: 500 images to learn from, 1000 to test with, each (1, 28, 28)$' a.out &&
  awk '/^ *6 / {learned = $4 > .6} END {exit !learned}' a.out; then good "train-digits learns"; else bad "$(cat a.out)"; fi
if [ "$(head -n 1 a.csv)" = 'step,loss,test loss,test accuracy' ] && [ "$(wc -l <a.csv)" = 7 ] &&
  [ "$(grep -c '"test accuracy":' a.jsonl)" = 6 ] && [ -s "$(echo a.tb/events.out.tfevents.*)" ]; then
  good "three logs"; else bad "logs: $(cat a.csv a.jsonl; ls a.tb)"; fi
until_done "${digits[@]}" --checkpoint b.safetensors --csv b.csv --json-lines b.jsonl
same "train-digits: the same output after interruptions" a.out stdout
same "train-digits: the same CSV" a.csv b.csv
same "train-digits: the same JSON lines" a.jsonl b.jsonl
same "train-digits: the same weights, optimiser and generators" a.safetensors b.safetensors
ctrl_c g.csv "$build/train-digits" --images 200 --epochs 10000 --checkpoint g.safetensors --csv g.csv
"$build/train-digits" --model resnet --blocks 1 --width 4 --images 64 --epochs 1 --checkpoint r.safetensors --mistakes 1 \
  >r.out 2>/dev/null </dev/null && grep -q '^resnet: .* parameters$' r.out && grep -q 'the answer was' r.out &&
  good "a resnet, and a mistake shown" || bad "resnet: $(cat r.out)"

refuses "a.safetensors has a model with other options" train-digits --checkpoint a.safetensors --width 33
refuses "is of 500 samples in batches of 32, not 400 in 32" train-digits --checkpoint a.safetensors --images 400 --epochs 7
refuses "does not exist" train-digits --data no/such/folder
refuses "is not a folder" train-digits --data a.csv
refuses "has neither train-images" train-digits --data a.tb
mkdir cifar && head -c 3000 /dev/zero >cifar/data_batch_1.bin
refuses "data_batch_1.bin" train-digits --data cifar --checkpoint none.safetensors
head -c 5000 a.safetensors >cut.safetensors
refuses "is truncated" train-digits --checkpoint cut.safetensors
printf x | cat a.safetensors - >long.safetensors
refuses "is too long" train-digits --checkpoint long.safetensors
cp a.safetensors damaged.safetensors && printf x | dd of=damaged.safetensors bs=1 seek=20000 conv=notrunc 2>/dev/null
refuses "is damaged" train-digits --checkpoint damaged.safetensors
printf 'not a checkpoint' >text.safetensors
refuses "is no safetensors file" train-digits --checkpoint text.safetensors
refuses "cannot be written" train-digits --checkpoint no/such/folder/x.safetensors --images 32 --epochs 1

# --- translate --------------------------------------------------------------------------------------------------------
answer=$("$build/translate" "I love you" "They hate us" 2>/dev/null </dev/null)
if [ "$answer" = "je t'aime
ils nous détestent" ]; then good "I love you: je t'aime"; else bad "translate: $answer"; fi
answer=$(printf 'We call them\n\nI love you\n' | "$build/translate" 2>said)
if [ "$answer" = "nous les appelons
je t'aime" ] && [ ! -s said ]; then good "from the standard input, with what is known"; else bad "translate: $answer $(cat said)"; fi
refuses '"pizza" is not among the' translate "I love pizza"
refuses "must be UTF-8" translate $'caf\xe9'
refuses '"program" is "train-digits": it must be one of translate' translate "I love you" --checkpoint a.safetensors
refuses "has a model with other options" translate --train --layers 2
printf 'Good morning.\tBonjour.\nGood night.\tBonne nuit.\nGood evening.\tBonsoir.\n' >pairs.tsv
answer=$("$build/translate" --data pairs.tsv --held-out 0 --checkpoint own.safetensors "good night ." 2>/dev/null </dev/null)
if [ "$answer" = "bonne nuit." ]; then good "a file of one's own"; else bad "pairs.tsv: $answer"; fi
printf 'hello\tbonjour\nno tab here\n' >wrong.tsv
refuses "has no tab in line 2" translate --data wrong.tsv --checkpoint none.safetensors --train
printf 'caf\xe9\tcoffee\n' >latin1.tsv
refuses "not UTF-8" translate --data latin1.tsv --checkpoint none.safetensors --train
: >empty.tsv
refuses "empty" translate --data empty.tsv --checkpoint none.safetensors --train
refuses "cannot be" translate --data no/such.tsv --checkpoint none.safetensors --train
"$build/translate" --train --epochs 40 --dropout .1 --checkpoint c.safetensors --csv c.csv >/dev/null 2>&1 </dev/null || bad "translate --train"
ctrl_c i.csv "$build/translate" --train --epochs 100000 --checkpoint i.safetensors --csv i.csv
until_done "$build/translate" --train --epochs 40 --dropout .1 --checkpoint d.safetensors --csv d.csv
same "translate: the same weights, with dropout" c.safetensors d.safetensors
same "translate: the same log" c.csv d.csv

# --- continue-text ----------------------------------------------------------------------------------------------------
for _ in {1..40}; do printf 'the cat sat on the mat. 早上好，世界。\n'; done >text.txt
small=(--layers 1 --heads 2 --width 16 --context 16)
text=("$build/continue-text" text.txt "${small[@]}" --steps 300 --evaluate-every 50 --save-every 20 --lr .01 --prompt 'the ' --length 40 --greedy)
"${text[@]}" --checkpoint e.safetensors --csv e.csv --tensorboard e.tb >e.out 2>/dev/null </dev/null || bad "continue-text: exit code $?"
if [ "$(wc -m <e.out)" = 45 ] && grep -q 'the mat. 早上好，世界。$' e.out; then good "continue-text has learned the text"; else bad "continue-text: $(cat e.out)"; fi
until_done "${text[@]}" --checkpoint f.safetensors --csv f.csv
same "continue-text: the same text after interruptions" e.out stdout
same "continue-text: the same log" e.csv f.csv
same "continue-text: the same weights, optimiser and generators" e.safetensors f.safetensors
ctrl_c h.csv "$build/continue-text" text.txt "${small[@]}" --steps 1000000 --evaluate-every 10 --checkpoint h.safetensors --csv h.csv
draw() { "$build/continue-text" --checkpoint e.safetensors --prompt 'the ' --length 60 "$@" 2>&1 </dev/null; }
if [ "$(draw --temperature 5)" = "$(draw --temperature 5)" ] && [ "$(draw --temperature 5)" != "$(draw --temperature 5 --seed 2)" ]; then
  good "a seed means one text"; else bad "seeds"; fi
if [ "$(draw --temperature 5 --top-k 1)" = "$(draw --greedy)" ]; then good "top-k 1 is greedy"; else bad "top-k 1"; fi
refuses "none.safetensors does not exist: name a text file to learn from" continue-text --checkpoint none.safetensors
refuses '"Q" is not among the' continue-text --checkpoint e.safetensors --prompt Q
refuses "empty" continue-text --checkpoint e.safetensors --prompt ''
refuses "no/such.txt" continue-text no/such.txt
printf 'caf\xe9 caf\xe9' >latin1.txt
refuses "must be UTF-8" continue-text latin1.txt
printf 'too short' >short.txt
refuses "[" continue-text short.txt
printf 'other characters' >other.txt
refuses "has other characters than the text of e.safetensors" continue-text other.txt --checkpoint e.safetensors
refuses "has a model with other options" continue-text text.txt --checkpoint e.safetensors --layers 2
refuses '"program" is "train-digits"' continue-text --checkpoint a.safetensors
refuses "heads" continue-text text.txt --width 10 --heads 4 --checkpoint none.safetensors
for f in *.part; do bad "$f is left behind"; done
[ $failures = 0 ]
