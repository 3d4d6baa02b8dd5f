#!/bin/sh
# SPDX-License-Identifier: MIT
# check_runs.sh - tests runs of vae train by the command line: killed and resumed runs with the same bytes in every file, one process in a
# folder, signals, temporary files, links, the last batch, and the messages of a run. If a message gives a command, the test runs that
# command as printed. The last line is "N passed, N failed".
VAE=${VAE:-${BUILD:-build}/vae}
case $VAE in /*) ;; *) VAE=$PWD/$VAE ;; esac
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset VAE_DATA
passed=0
failed=0
: > err

ok() {
    passed=$((passed + 1))
    echo "ok $1"
}

not_ok() {
    failed=$((failed + 1))
    echo "not ok $1: $2"
    sed 's/^/    | /' err | head -n 5
}

# exits NAME CODE PATTERN COMMAND...: the command ends with the code, and stdout or stderr has a line with the pattern
exits() {
    name=$1 want=$2 pattern=$3
    shift 3
    timeout 50 "$@" > out 2> err < /dev/null
    code=$?
    if [ "$code" -ne "$want" ]; then
        not_ok "$name" "exit code $code, wanted $want"
    elif [ -n "$pattern" ] && ! cat out err | grep -q -e "$pattern"; then
        not_ok "$name" "no line with \"$pattern\""
    else
        ok "$name"
    fi
}

# holds NAME COMMAND..., lacks NAME COMMAND...: the command succeeds, or fails
holds() {
    name=$1
    shift
    if "$@" > /dev/null 2>> err; then ok "$name"; else not_ok "$name" "does not hold: $*"; fi
}

lacks() {
    name=$1
    shift
    if "$@" > /dev/null 2>> err; then not_ok "$name" "holds: $*"; else ok "$name"; fi
}

# code_is NAME CODE: the status of the last command that was waited for
code_is() {
    if [ "$code" -eq "$2" ]; then ok "$1"; else not_ok "$1" "exit code $code, wanted $2"; fi
}

# same NAME RUN RUN: every file of the folders is equal but for what the clock decides, and nothing else lies there
same() {
    holds "$1" diff -r --exclude timing.jsonl "$2" "$3"
}

# a process number that nobody has
dead_pid() {
    sh -c 'echo $$'
}

# await FILE: until it is there and has something in it
await() {
    for i in $(seq 2000); do
        [ -s "$1" ] && break
        sleep 0.01
    done
}

cat > tiny.txt << 'END'
input      16x16x1
encoder    flatten | linear out=24 | relu
latent     gaussian dim=4
decoder    linear out=24 | relu | linear out=256 | reshape 16x16x1
likelihood bernoulli
optimizer  adam lr=0.003
END
command="$VAE train shapes:320 --model tiny.txt --batch 20 --seed 3 --epochs 4"
$command -q -o whole > out 2> err

# ---- resuming -----------------------------------------------------------------------------------------------------------
"$VAE" train shapes:320 --model tiny.txt --batch 20 --seed 3 -q -o parts --steps 7 > out 2> err
exits resumed_with_other_threads 0 'resumed at step 7' "$VAE" train shapes:320 -o parts --resume --steps 20 --threads 3
exits resumed_once_more 0 'resumed at step 20' "$VAE" train shapes:320 -o parts --resume --epochs 4 --threads 1
same parts_make_the_whole whole parts
cp -r parts finished
exits nothing_is_left_to_do 0 'resumed at step 64' "$VAE" train shapes:320 -o finished --resume
same resuming_a_finished_run_changes_nothing whole finished
"$VAE" train shapes:320 --model tiny.txt --batch 20 --seed 3 -q -o short --steps 7 > out 2> err
cp -r short short_again
exits an_epoch_cut_short_is_finished_too 0 'resumed' "$VAE" train shapes:320 -o short_again --resume
same resuming_a_run_cut_short_changes_nothing short short_again
holds the_clock_is_in_a_file_of_its_own grep -q '"event":"epoch".*"seconds":' whole/timing.jsonl
lacks metrics_are_without_a_clock grep -q 'seconds\|per_s' whole/metrics.jsonl

# a run that was killed before it saved
mkdir begun_empty begun
cp whole/config.txt begun
cp -r begun begun_resumed
cp -r begun begun_other
printf '{"event":"step","step":1,"epo' > begun/metrics.jsonl
cp whole/best.safetensors whole/loss.png begun
exits the_same_command_starts_again 0 'starts again from its first step' $command -o begun
same what_started_again_is_the_whole whole begun
exits resume_starts_again 0 'starts again from its first step' "$VAE" train shapes:320 -o begun_resumed --resume
same what_resumed_from_nothing_is_the_whole whole begun_resumed
exits resume_starts_in_an_empty_folder 0 'starts again' $command --resume -o begun_empty
same what_started_in_an_empty_folder_is_the_whole whole begun_empty
exits other_settings_do_not_start_again 1 'other settings; --force' "$VAE" train shapes:320 --model tiny.txt -o begun_other
mkdir mine
cp whole/recon.png mine
exits files_without_a_run_are_kept 1 'holds a run' $command -o mine
exits files_without_a_run_are_not_resumed 1 'no config.txt' $command -o mine --resume
holds a_picture_was_kept cmp whole/recon.png mine/recon.png
mkdir other
echo notes > other/notes
exits a_folder_without_a_run_is_not_resumed 1 'nothing to resume' $command -o other --resume
exits options_of_the_training_stay 2 '--model whole/last.safetensors' "$VAE" train shapes:320 -o whole --resume \
    --set 'schedule=cosine steps=9'
exits a_new_run_starts_from_the_weights 0 '' "$VAE" train shapes:64 --model whole/last.safetensors -o new --steps 1 -q

# ---- files of a run that are wrong, and other settings ------------------------------------------------------------------
# edited NAME SED FILE: a copy of the finished run with one file changed
edited() {
    rm -rf "$1"
    cp -r whole "$1"
    sed "$2" "whole/$3" > "$1/$3"
}
wrong_config() { # NAME PATTERN SED
    edited wrong "$3" config.txt
    exits "$1" 3 "$2" "$VAE" train shapes:320 -o wrong --resume
}
wrong_config a_config_without_a_seed 'no line "# seed = ..."' '/^# seed/d'
wrong_config a_config_with_half_a_line 'no line "# seed = ..."' 's/^# seed = /# seed=/'
wrong_config a_batch_that_is_no_number 'batch is "x", wanted a whole number' 's/^\(# batch =\).*/\1 x/'
wrong_config a_batch_with_a_tail 'batch is "20x", wanted' 's/^\(# batch =\).*/\1 20x/'
wrong_config a_batch_below_zero 'batch is "-20", wanted' 's/^\(# batch =\).*/\1 -20/'
wrong_config a_batch_of_nothing 'batch is 0' 's/^\(# batch =\).*/\1 0/'
wrong_config a_run_without_an_end 'neither epochs nor steps' 's/^\(# epochs =\).*/\1 0/'
edited bare '/^input/d; /^encoder/d; /^latent/d; /^decoder/d; /^likelihood/d' config.txt
exits a_config_without_a_model_is_no_run_of_this 2 'model or training text differs' "$VAE" train shapes:320 -o bare --resume \
    --model tiny.txt
exits a_config_without_a_model 2 'input' "$VAE" train shapes:320 -o bare --resume
edited old '/^# augment/d' config.txt
exits a_config_without_augment_is_one_without_it 0 'resumed' "$VAE" train shapes:320 -o old --resume
same the_old_config_becomes_the_new whole old
edited other_state 's/^step=64 /step=63 /' resume.txt
exits a_state_of_another_step 3 'no state for step 64' "$VAE" train shapes:320 -o other_state --resume
edited other_epoch 's/ epoch=4 / epoch=3 /' resume.txt
exits a_state_of_another_epoch 3 'step 64 is not in epoch 4' "$VAE" train shapes:320 -o other_epoch --resume
edited torn 's/^.*"step":60,.*/{"event":"step","step":60,"epo/' metrics.jsonl
rm torn/timing.jsonl
exits a_log_with_a_torn_line_goes_on 0 'resumed' "$VAE" train shapes:320 -o torn --resume --steps 65
lacks the_torn_line_is_left_out grep -q '"step":60' torn/metrics.jsonl
holds a_lost_log_is_begun_anew grep -q '"step":65' torn/timing.jsonl
for name in resume.txt resume.safetensors; do
    edited lost '' config.txt
    rm lost/$name
    exits "a_run_without_$name" 1 "nothing to resume: no $name" "$VAE" train shapes:320 -o lost --resume
done
exits a_file_in_the_way_of_the_folder 1 'a file is in the way' $command -o tiny.txt
edited shown '' config.txt
for name in epoch_0001.txt notes.png; do echo notes > shown/samples/$name; done
exits a_run_is_replaced 0 '' $command -q -f -o shown
for name in epoch_0001.txt notes.png; do holds "what_is_no_picture_of_a_run_stays_$name" grep -q notes shown/samples/$name; done

# begun with settings, started again with others
for set in '--seed 4' '--batch 10' '--epochs 5' '--steps 9' '--augment flip' '--set latent.dim=5' \
    '--model whole/last.safetensors' '--model whole/last.safetensors --set optimizer.lr=0.003'; do
    rm -rf begun_other
    mkdir begun_other
    cp whole/config.txt begun_other
    exits "a_begun_run_is_none_with$(echo "$set" | tr -c 'a-z0-9\n' _)" 1 'other settings; --force' $command $set -o begun_other
done
exits the_same_settings_go_on 0 'resumed' "$VAE" train shapes:320 -o old --resume --batch 20 --seed 3 --augment '' --model tiny.txt
for set in '--batch 10' '--seed 4' '--augment flip'; do
    exits "a_run_goes_on_as_it_began${set%% [a-z0-9]*}" 2 "the ${set%% [a-z0-9]*} differs" "$VAE" train shapes:320 -o old --resume $set
done
for set in latent.dim =5; do
    exits "what_is_no_pair_is_refused_$set" 2 'is no KEY=VALUE' "$VAE" train shapes:320 --model tiny.txt --set $set -o none
done
exits a_preset_like_no_other 2 'vae help preset lists them' "$VAE" train shapes:320 --preset qqqqqqqqqq -o none
printf 'input 16x16x1\0encoder flatten\n' > zero.txt
exits a_text_with_a_zero_byte 3 'zero byte' "$VAE" train shapes:320 --model zero.txt -o none
exits more_steps_than_the_epochs_have 0 'epoch 1/1 ' "$VAE" train shapes:320 --model tiny.txt --epochs 1 --steps 1000 -o bounded
exits epochs_without_end_end_by_steps 0 '"step":3,' "$VAE" train shapes:320 --model tiny.txt --epochs 9223372036854775807 --steps 3 --json \
    -o endless

# ---- one process in a folder --------------------------------------------------------------------------------------------
"$VAE" train shapes:2000 --model tiny.txt --batch 4 -q -o held --epochs 50 > /dev/null 2> held.err &
holder=$!
await held/resume.txt
exits a_second_process_is_refused 1 "held is being trained by process $holder" "$VAE" train shapes:320 --model tiny.txt -o held -f
exits a_second_resume_is_refused 1 "held is being trained by process $holder" "$VAE" train shapes:2000 -o held --resume
kill -HUP $holder
wait $holder
code=$?
code_is a_closed_terminal_exits_129 129
lacks the_lock_goes_with_its_holder test -e held/lock
before=$(sed -n 's/^step=\([0-9]*\) .*/\1/p' held/resume.txt | head -n 1)
holds a_closed_terminal_saves test "${before:-0}" -gt 0
exits a_hung_up_run_goes_on 0 "resumed at step $before," "$VAE" train shapes:2000 -o held --resume --steps $((before + 1))
dead_pid > held/lock
exits a_stale_lock_is_taken 0 'resumed' "$VAE" train shapes:2000 -o held --resume --steps $((before + 2))
sh -c 'trap "" HUP; exec "$@"' ignored "$VAE" train shapes:640 --model tiny.txt --batch 4 -q -o nohup --epochs 3 > out 2> err &
holder=$!
await nohup/resume.txt
kill -HUP $holder
wait $holder
code=$?
code_is nohup_goes_on 0

# ---- temporaries, links and full disks ----------------------------------------------------------------------------------
pid=$(dead_pid)
left="resume.safetensors.tmp.$pid recon.png.tmp.$pid.3 config.txt.tmp.$pid samples/epoch_0001.png.tmp.$pid"
kept="last.safetensors.tmp.$$ recon.png.tmp.$pid.bak notes.tmp.$pid last.safetensors.tmp."
for name in $left $kept; do echo x > "parts/$name"; done
exits a_run_goes_on_beside_temporaries 0 . "$VAE" train shapes:320 -o parts --resume --epochs 5
for name in $left; do lacks "a_temporary_of_a_dead_process_goes_${name%%.*}" test -e "parts/$name"; done
for name in $kept; do holds "what_is_no_such_temporary_stays_${name%%.*}" test -e "parts/$name"; done
echo left > "s.png.tmp.$pid"
exits a_picture_is_written 0 '' "$VAE" sample whole -n 4 -o s.png
lacks a_picture_cleans_up_beside_it test -e "s.png.tmp.$pid"

# linked NAME COMMAND...: with links in the way of every name that the program may choose for the file
linked() {
    sh -c 'for n in "" .1 .2; do ln -sf ../victim "links/$1.tmp.$$$n"; done
        ln -sf ../victim "links/$1"; shift; exec "$@"' linked "$@" > out 2> err
}
echo precious > victim
mkdir links
linked s.png "$VAE" sample whole -n 4 -f -o links/s.png
holds links_are_not_followed grep -q '^precious$' victim
holds a_linked_output_is_replaced sh -c 'test -f links/s.png && test ! -h links/s.png'
linked z.npy "$VAE" encode whole shapes:320 -f -o links/z.npy
holds links_are_not_followed_by_arrays grep -q '^precious$' victim
mkdir linked_run
for name in metrics.jsonl timing.jsonl resume.txt last.safetensors best.safetensors config.txt loss.png recon.png; do
    ln -s ../victim linked_run/$name
done
exits a_run_of_links_is_replaced 0 . $command -f -q -o linked_run
holds links_are_not_followed_by_a_run grep -q '^precious$' victim
same a_run_of_links_is_the_whole whole linked_run
ln -sf ../victim linked_run/lock
exits a_linked_lock_is_refused 1 'linked_run/lock' "$VAE" train shapes:320 -o linked_run --resume
holds links_are_not_followed_by_a_lock grep -q '^precious$' victim

(ulimit -f 1 && "$VAE" sample whole -n 64 -o limited.png) > out 2> err
code=$?
code_is a_file_too_large_exits_1 1
holds a_file_too_large_is_a_sentence grep -q '^vae: limited.png: cannot be written: File too large' err
(ulimit -f 1 && "$VAE" encode whole shapes:2000 -o limited.npy) > out 2> err
holds an_array_too_large_is_a_sentence grep -q '^vae: limited.npy: cannot be written: File too large' err
(ulimit -f 1 && $command -q -o limited_run) > out 2> err
holds a_model_too_large_is_a_sentence grep -q '^vae: limited_run/.*: .*File too large' err
exits a_missing_folder_is_a_sentence 1 'cannot be written' "$VAE" sample whole -o links/nowhere/s.png
mkdir busy.png
exits a_folder_of_that_name_is_a_sentence 1 '^vae: busy.png: cannot be written' "$VAE" sample whole -f -o busy.png
lacks no_temporary_is_left sh -c 'find . -name "*.tmp.*" | grep -v "^./parts/\|^./links/" | grep .'

# a folder that takes files and may not be read; root may read all, so somebody else tries
somebody=
[ "$(id -u)" -ne 0 ] || somebody='setpriv --reuid 65534 --regid 65534 --clear-groups'
chmod 711 .
mkdir closed
chmod 333 closed
if $somebody test -x "$VAE" 2> err && ! $somebody test -r closed; then
    exits a_run_in_a_folder_that_may_not_be_read 0 '' $somebody "$VAE" train shapes:320 --model tiny.txt --batch 20 --seed 3 --epochs 4 \
        -q -o closed/run
    chmod 755 closed
    same it_is_the_whole whole closed/run
fi

# ---- what is in the folder ----------------------------------------------------------------------------------------------
mkdir only_last
cp whole/last.safetensors only_last
exits a_run_with_the_last_model_only 0 'last.safetensors is taken' "$VAE" sample only_last -n 4 -o last.png
exits a_run_without_a_model 1 'best.safetensors' "$VAE" sample other -n 4 -o none.png

# ---- the last batch -----------------------------------------------------------------------------------------------------
sed 's/linear out=24 | relu$/linear out=24 | batchnorm | relu/' tiny.txt > norm.txt
exits a_rest_of_one_is_left_out 0 'leave 1, too few' "$VAE" train shapes:41 --model norm.txt --batch 20 --epochs 2 -o rest
holds a_rest_of_one_makes_no_step grep -q '^step=4 ' rest/resume.txt
exits a_batch_of_one_is_refused 2 'needs 2 examples' "$VAE" train shapes:40 --model norm.txt --batch 1 --epochs 2 -o none
exits one_example_is_refused 3 'needs 2 in a step' "$VAE" train shapes:1 --model norm.txt --batch 8 --epochs 2 -o none
lacks what_is_refused_leaves_no_run test -e none
"$VAE" train shapes:41 --model norm.txt --batch 20 --steps 3 -q -o rest_parts > out 2> err
"$VAE" train shapes:41 -o rest_parts --resume --epochs 2 -q > out 2> err
same a_rest_of_one_resumes_to_the_same_bytes rest rest_parts

# ---- priors -------------------------------------------------------------------------------------------------------------
fit="$VAE prior whole shapes:200 --kind gmm --set prior.components=2 --batch 16 -q --epochs 2"
$fit -o p.safetensors > out 2> err
mkdir fitted
mv p.* fitted
for file in fitted/*; do holds "a_fit_leaves_$(basename "$file")" test -s "$file"; done
lacks a_fit_gives_its_lock_back test -e fitted/p.lock
cp fitted/p.config.txt .
exits a_fit_that_was_begun_starts_again 0 . $fit -o p.safetensors
for file in fitted/*; do holds "the_same_fit_$(basename "$file")" cmp "$file" "$(basename "$file")"; done
rm p.resume.*
exits a_fit_starts_again_by_resume 0 'is at most' "$VAE" prior whole shapes:200 -o p.safetensors --resume
for file in fitted/*; do holds "the_same_resumed_fit_$(basename "$file")" cmp "$file" "$(basename "$file")"; done
rm p.resume.*
exits a_fit_with_other_settings_is_refused 1 'other settings' $fit --seed 2 -o p.safetensors
cp fitted/* .
exits a_saved_fit_is_kept 1 'goes on with it' $fit -o p.safetensors
echo left > "p.resume.safetensors.tmp.$pid"
"$VAE" prior whole shapes:200 -o p.safetensors --resume --epochs 1000000 -q > out 2> err &
holder=$!
await p.lock
exits a_second_fit_is_refused 1 "p.safetensors is being fitted by process $holder" "$VAE" prior whole shapes:200 -o p.safetensors --resume
kill -TERM $holder
wait $holder
code=$?
code_is a_stopped_fit_exits_130 130
lacks a_fit_cleans_up test -e "p.resume.safetensors.tmp.$pid"

# ---- what a run is told -------------------------------------------------------------------------------------------------
# advice NAME COMMAND...: the --set in err, given as they stand, each with those before it, make a run that ends well
advice() {
    advised=$1
    shift
    grep -o -e '--set "[^"]*"' -e '--set [a-z][a-z._]*=[^ );,]*' err | sed 's/^--set //; s/"//g' > sets
    holds "${advised}_is_advised" test -s sets
    while IFS= read -r set; do
        set -- "$@" --set "$set"
        exits "${advised}_takes_$(echo "$set" | tr -c 'a-z0-9\n' _)" 0 '' "$@" -q -f -o advised_run --epochs 3
    done < sets
}
wild="$VAE train shapes:64 --model tiny.txt --set optimizer=sgd --set optimizer.lr=100000"
exits a_wild_run_diverges 4 'training diverged' $wild --epochs 20 -o wild
holds divergence_bounds_the_gradient grep -q 'clip=norm max=1' err
advice divergence $wild
exits a_loss_that_grew_is_divergence 4 'diverged: the loss is .* it was' "$VAE" train shapes:64 --model tiny.txt \
    --set optimizer.lr=1000 --epochs 20 -o wilder
advice growth "$VAE" train shapes:64 --model tiny.txt
exits a_small_run_ends 0 'best validation loss' "$VAE" train shapes:300 --model tiny.txt --epochs 12 -o small
lacks the_first_epochs_are_no_collapse grep -q collapsed err
exits a_collapse_is_told_at_the_end 0 'posterior has collapsed' "$VAE" train shapes:640 --model tiny.txt --set elbo.beta=100 \
    --epochs 8 -o flat
holds a_collapse_is_told_once test "$(grep -c collapsed err)" -eq 1
advice collapse "$VAE" train shapes:64 --model tiny.txt
cosine="$VAE train shapes:320 --model cosine.txt --batch 20"
{ cat tiny.txt; echo 'schedule cosine steps=10'; } > cosine.txt
exits a_schedule_that_ends_is_told 0 'schedule ends at step 10 of 48' $cosine --epochs 3 -o cosine
advice schedule $cosine
exits a_schedule_that_ended_is_told_on_resume 0 'began with; a new one may start.*--model cosine/last.safetensors' \
    "$VAE" train shapes:320 -o cosine --resume --epochs 4
exits a_schedule_that_fits_ends 0 '' $cosine --steps 10 -o fits
lacks a_schedule_that_fits_is_not_told grep -q 'schedule ends' err

# ---- four channels ------------------------------------------------------------------------------------------------------
cat > rgba.txt << 'END'
input      8x8x4
encoder    flatten | linear out=8
latent     gaussian dim=2
decoder    linear out=256 | reshape 8x8x4
likelihood bernoulli
END
{
    printf '\223NUMPY\001\000\166\000'
    printf "%-117s\n" "{'descr': '|u1', 'fortran_order': False, 'shape': (20, 8, 8, 4), }"
    head -c 5120 /dev/zero | tr '\0' '\100'
} > rgba.npy
exits four_channels_are_trained 0 . "$VAE" train rgba.npy --model rgba.txt --epochs 1 -o rgba
for file in rgba/recon.png rgba/samples/epoch_0001.png; do
    colour=$(head -c 26 $file 2> /dev/null | tail -c 1 | od -An -tu1 | tr -d ' ')
    holds "four_channels_make_an_rgba_png_$(basename $file .png)" test "$colour" = 6
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
