#!/bin/sh
# SPDX-License-Identifier: MIT
# check_program.sh - tests the vae program by its command line: every command on generated shapes, resumed runs with the same bytes,
# Ctrl-C, and a sentence with the right exit code for every wrong use. It prints a line for each case and ends with "N passed, N failed".
VAE=${VAE:-${BUILD:-build}/vae}
case $VAE in /*) ;; *) VAE=$PWD/$VAE ;; esac
if [ ! -x "$VAE" ]; then
    echo "not ok program_is_built: no $VAE"
    echo "0 passed, 1 failed"
    exit 1
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset VAE_DATA
passed=0
failed=0

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

# holds NAME COMMAND...: the command succeeds
holds() {
    name=$1
    shift
    if "$@" > /dev/null 2>> err; then ok "$name"; else not_ok "$name" "does not hold: $*"; fi
}

# number KEY: the number of the JSON object in out
number() {
    tr -d ' \n' < out | sed "s/.*\"$1\":\(-\{0,1\}[0-9.eE+-]*\).*/\1/"
}

# is EXPRESSION: an awk expression over numbers
is() {
    awk "BEGIN { exit !($1) }"
}

is_png() {
    [ "$(head -c 8 "$1" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ]
}

cat > tiny.txt << 'END'
input      16x16x1
encoder    flatten | linear out=24 | relu
latent     gaussian dim=4
decoder    linear out=24 | relu | linear out=256 | reshape 16x16x1
likelihood bernoulli
optimizer  adam lr=0.003
END

# u32 N...: big-endian
u32() {
    for n in "$@"; do
        printf "\\$(printf %03o $((n >> 24 & 255)))\\$(printf %03o $((n >> 16 & 255)))"
        printf "\\$(printf %03o $((n >> 8 & 255)))\\$(printf %03o $((n & 255)))"
    done
}

# bytes COUNT: of one value
bytes() {
    head -c "$1" /dev/zero | tr '\0' '\100'
}

# idx SIZES...: the header of an IDX file of bytes with three sizes
idx() {
    printf '\000\000\010\003'
    u32 "$@"
}

# a text whose decoder makes whatever size comes in, and data for it
cat > anysize.txt << 'END'
input      16x16x1
encoder    conv2d out=2 kernel=3 pad=1 | relu
latent     gaussian dim=2 map=true
decoder    conv2d out=1 kernel=3 pad=1
likelihood bernoulli
END
{ idx 20 8 8; bytes 1280; } > eight-idx3-ubyte

# a text with a codebook
cat > codes.txt << 'END'
input      16x16x1
encoder    conv2d out=16 kernel=4 stride=4 | relu | conv2d out=8 kernel=1
latent     vq codes=32 dim=8 start=kmeans revive=1
decoder    conv2d out=16 kernel=3 pad=1 | relu | deconv2d out=1 kernel=4 stride=4
likelihood gaussian
optimizer  adam lr=0.003
END

# octets STATEMENTS: the numbers that awk statements put(), as bytes
octets() {
    printf "$(awk "function put(n) { printf \"\\\\%03o\", int(n) % 256 } BEGIN { $1 }")"
}

# l32 N...: little-endian
l32() {
    for n in "$@"; do
        octets "put($n); put(int($n / 256)); put(int($n / 65536)); put(int($n / 16777216))"
    done
}

# l16 N...
l16() {
    for n in "$@"; do octets "put($n); put(int($n / 256))"; done
}

# name NAME: in the eight bytes of a WAD
name8() {
    printf '%s' "$1"
    head -c $((8 - ${#1})) /dev/zero
}

# wad LUMP...: an archive of files of these names in the folder lumps; a lump without a file is empty
wad() {
    at=12
    : > wad_lumps
    : > wad_directory
    for lump in "$@"; do
        size=0
        if [ -f "lumps/$lump" ]; then
            size=$(wc -c < "lumps/$lump")
            cat "lumps/$lump" >> wad_lumps
        fi
        { l32 $at "$size"; name8 "$lump"; } >> wad_directory
        at=$((at + size))
    done
    printf PWAD
    l32 $# $at
    cat wad_lumps wad_directory
}

# ---- help -------------------------------------------------------------------------------------------------------------
exits no_command_shows_the_usage_with_code_2 2 'usage: vae' "$VAE"
exits version_names_the_library 0 '^vae [0-9]' "$VAE" --version
exits help_lists_commands 0 '^  train ' "$VAE" help
for command in data train eval score anomaly encode decode recon sample codes interp traverse report info bench help completion; do
    exits "help_explains_$command" 0 "^usage: vae $command" "$VAE" help $command
done
exits option_help_is_the_help 0 '^usage: vae train' "$VAE" train --help
exits help_shows_a_layer 0 'kernel' "$VAE" help conv2d
exits help_lists_a_kind 0 '^conv2d$' "$VAE" help layer
exits help_lists_the_kinds 0 '^prior$' "$VAE" help kinds
exits help_knows_the_nearest_name 2 'did you mean conv2d?' "$VAE" help conf2d
exits man_page_is_troff 0 '^\.TH VAE 1' "$VAE" help --man
for option in patience split logvar; do
    exits "man_page_has_$option" 0 "fB.-.-$option" "$VAE" help --man
done
for shell in bash zsh fish; do
    exits "completion_for_$shell" 0 'patience' "$VAE" completion $shell
done
"$VAE" completion bash > completion.bash
# completes NAME WANTED WORD...: bash offers the wanted word for the last one
completes() {
    name=$1 wanted=$2
    shift 2
    command -v bash > /dev/null || return 0
    exits "$name" 0 "^$wanted\$" bash -c '. ./completion.bash
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _vae
        printf "%s\n" "${COMPREPLY[@]}"' bash vae "$@"
}
completes completion_of_presets photo64 train --preset pho
completes completion_of_presets_by_letter vq64 train -p vq
completes completion_of_keys latent.dim= train --set latent.d
completes completion_of_keys_of_modules adam.lr= train -s adam.
completes completion_of_changes crop,flip train --augment crop
completes completion_of_data_names shapes eval run.safetensors sha
completes completion_of_files tiny.txt train tin
completes completion_of_topics conv2d help conv
completes completion_of_shells zsh completion z
completes completion_of_choices avx512 train --isa avx
holds completion_for_zsh_is_a_script sh -c '"$1" completion zsh > _vae; ! command -v zsh > /dev/null || zsh -n _vae' sh "$VAE"
holds completion_for_fish_is_a_script sh -c '"$1" completion fish > vae.fish; ! command -v fish > /dev/null || fish -n vae.fish' sh "$VAE"
holds completion_is_a_script sh -c 'if command -v bash > /dev/null; then bash -n completion.bash; fi'
exits completion_for_no_other_shell 2 'none of bash' "$VAE" completion tcsh

# ---- mistakes on the command line ---------------------------------------------------------------------------------------
exits unknown_command_has_a_suggestion 2 'did you mean train?' "$VAE" trian shapes
exits unknown_option_has_a_suggestion 2 'did you mean --epochs?' "$VAE" train shapes -o r --epoch 3
exits unknown_letter 2 'unknown option -z' "$VAE" train shapes -z
exits number_wanted 2 'not a whole number' "$VAE" train shapes -o r --epochs many
exits number_too_small 2 'at least 1' "$VAE" train shapes -o r --batch 0
exits choice_wanted 2 'none of reproducible|blas' "$VAE" train shapes -o r --arith fast
exits value_missing 2 'wants a value' "$VAE" train shapes -o
exits flag_takes_no_value 2 'takes no value' "$VAE" train shapes -o r --force=1
exits output_missing 2 'RUN is missing' "$VAE" train shapes
exits operand_missing 2 'DATA is missing' "$VAE" train -o r
exits operand_too_many 2 'one argument too many' "$VAE" sample m more -o r.png
exits several_arguments_are_pictures 1 'nowhere.png: no such file; several arguments are pictures' "$VAE" train tiny.txt nowhere.png -o r
exits unknown_preset_has_a_suggestion 2 'did you mean leaky?' "$VAE" train shapes -o r --preset leeky
exits set_wants_key_and_value 2 'no KEY=VALUE' "$VAE" train shapes -o r --set latent.dim
exits set_of_an_unknown_key_has_a_suggestion 2 'did you mean' "$VAE" train shapes -o r --model tiny.txt --set latent.dimm=3
exits set_of_a_bad_value 2 'dim' "$VAE" train shapes -o r --model tiny.txt --set latent.dim=none
exits preset_and_model_exclude_each_other 2 'exclude' "$VAE" train shapes -o r --preset conv --model tiny.txt
exits resume_without_a_run 1 'nothing to resume' "$VAE" train shapes -o r --resume
exits missing_data 1 'no such file' "$VAE" train nowhere -o r
exits missing_model 1 'nowhere' "$VAE" info nowhere.safetensors
printf 'input 16x16x1\nencoder flatten | linera out=3\n' > wrong.txt
exits wrong_text_names_the_line 3 'line 2' "$VAE" train shapes -o r --model wrong.txt
holds mistakes_leave_no_run test ! -e r

# ---- training -----------------------------------------------------------------------------------------------------------
train() {
    "$VAE" train shapes:640 --model tiny.txt --batch 20 --seed 3 "$@"
}
exits train_runs 0 'best validation loss' "$VAE" train shapes:640 --model tiny.txt --batch 20 --seed 3 -o whole --epochs 4
exits train_with_a_critic 0 'best validation loss' "$VAE" train shapes:100 --model tiny.txt --batch 20 --epochs 2 -o critic \
    --set 'critic=flatten | linear out=1' --set 'objective=elbo | gan weight=5'
exits metrics_tell_of_the_critic 0 '"critic_loss":' cat critic/metrics.jsonl
exits info_of_a_model_with_a_critic 0 'trainer for' "$VAE" info critic/last.safetensors
for file in config.txt metrics.jsonl loss.png recon.png best.safetensors last.safetensors samples/epoch_0001.png \
    samples/epoch_0004.png; do
    holds "run_holds_$file" test -s "whole/$file"
done
for file in loss.png recon.png samples/epoch_0001.png; do
    holds "is_a_png_$file" is_png "whole/$file"
done
holds metrics_have_an_epoch_line_each test "$(grep -c '"event":"epoch"' whole/metrics.jsonl)" -eq 4
holds loss_falls sh -c 'grep "\"event\":\"epoch\"" whole/metrics.jsonl |
    sed "s/.*\"val_loss\":\([0-9.]*\).*/\1/" | awk "NR == 1 { first = \$1 } { last = \$1 } END { exit !(last < first) }"'
exits existing_run_is_refused 1 'holds a run' "$VAE" train shapes:640 --model tiny.txt -o whole
exits a_run_text_is_a_model 0 . "$VAE" train shapes:64 --model whole/config.txt --steps 2 -o again
exits train_prints_json 0 '"status":"done"' "$VAE" train shapes:64 --model tiny.txt --steps 3 -o again --force --json -q
holds quiet_says_nothing test ! -s err
train -o other --epochs 4 --threads 3 -q > out 2> err
holds threads_do_not_change_a_bit cmp whole/last.safetensors other/last.safetensors
train -o portable --epochs 4 --isa portable -q > out 2> err
holds instruction_sets_do_not_change_a_bit cmp whole/last.safetensors portable/last.safetensors
exits patience_ends_training 0 'ends early' "$VAE" train shapes:64 --model tiny.txt --set adam.lr=0 --epochs 50 \
    --patience 2 -o patient
exits starting_from_a_model_file 0 . "$VAE" train shapes:64 --model whole/best.safetensors --steps 2 -o tuned

exits divergence_has_its_own_code 4 'training diverged' "$VAE" train shapes:64 --model tiny.txt \
    --set 'optimizer=sgd lr=100000' --epochs 20 -o wild
holds divergence_says_what_is_left grep -q 'wild/: .*learning rate' err
exits a_run_may_not_be_both_resumed_and_replaced 2 'exclude' "$VAE" train shapes -o whole --resume --force
exits input_follows_the_data 0 'input is set to 8x8x1' "$VAE" train eight-idx3-ubyte --model anysize.txt --steps 2 -o eight
holds data_size_is_in_the_config grep -q '^input  *8x8x1$' eight/config.txt
exits input_follows_the_data_on_resume 0 'resumed' "$VAE" train eight-idx3-ubyte --model anysize.txt --steps 3 -o eight --resume

# ---- resuming -----------------------------------------------------------------------------------------------------------
train -o broken --steps 7 -q > out 2> err
exits resume_from_the_middle_of_an_epoch 0 'resumed at step 7' "$VAE" train shapes:640 -o broken --resume --epochs 2
exits resume_once_more 0 'resumed at step 64' "$VAE" train shapes:640 -o broken --resume --epochs 4
holds resumed_model_equals_the_unbroken_one cmp whole/last.safetensors broken/last.safetensors
holds resumed_best_equals_the_unbroken_one cmp whole/best.safetensors broken/best.safetensors
holds resumed_checkpoint_equals_the_unbroken_one cmp whole/resume.safetensors broken/resume.safetensors
holds resumed_samples_equal_the_unbroken_ones cmp whole/samples/epoch_0004.png broken/samples/epoch_0004.png
exits resume_of_other_data 3 'not the data' "$VAE" train shapes:100 -o broken --resume
exits resume_with_another_model 2 'a run goes on as it began' "$VAE" train shapes:640 -o broken --resume --preset conv
exits resume_with_another_seed 2 'seed' "$VAE" train shapes:640 -o broken --resume --seed 9

# ---- augmentation -------------------------------------------------------------------------------------------------------
augmented() {
    "$VAE" train shapes:320 --model tiny.txt --batch 20 --seed 3 --augment crop,flip,rotate90 "$@"
}
augmented -o changed --epochs 3 -q > out 2> err
augmented -o changed_broken --steps 21 -q > out 2> err
exits resume_with_augmentation 0 'resumed at step 21' "$VAE" train shapes:320 -o changed_broken --resume --epochs 3
holds augmentation_resumes_to_the_same_bytes cmp changed/last.safetensors changed_broken/last.safetensors
holds augmentation_is_in_the_config grep -q '^# augment = crop,flip,rotate90$' changed/config.txt
"$VAE" train shapes:320 --model tiny.txt --batch 20 --seed 3 -o unchanged --epochs 3 -q > out 2> err
holds augmentation_changes_training sh -c '! cmp -s changed/last.safetensors unchanged/last.safetensors'
exits augmentation_stays_as_it_began 2 'a run goes on as it began' "$VAE" train shapes:320 -o changed --resume --augment flip
exits augmentation_knows_the_nearest_name 2 'did you mean flip?' "$VAE" train shapes -o r --model tiny.txt --augment flop
exits crops_are_smaller_than_the_image 2 'wanted 1 to 15' "$VAE" train shapes -o r --model tiny.txt --augment crop=16
{ idx 4 8 4; bytes 128; } > oblong-idx3-ubyte
exits only_squares_are_turned 2 'square' "$VAE" train oblong-idx3-ubyte -o r --model anysize.txt --augment rotate90
exits oblong_images_are_cropped 0 . "$VAE" train oblong-idx3-ubyte -o oblong --model anysize.txt --augment crop=3,flip --steps 1

# ---- zeros and ones -----------------------------------------------------------------------------------------------------
binarized() {
    "$VAE" train shapes:320 --model tiny.txt --batch 20 --seed 3 --binarize dynamic "$@"
}
binarized -o drawn --epochs 3 -q > out 2> err
binarized -o drawn_broken --steps 21 -q > out 2> err
exits resume_with_binarisation 0 '--binarize dynamic' "$VAE" train shapes:320 -o drawn_broken --resume --epochs 3
holds binarisation_resumes_to_the_same_bytes cmp drawn/last.safetensors drawn_broken/last.safetensors
holds binarisation_is_in_the_config grep -q '^# binarize = dynamic$' drawn/config.txt
holds binarisation_is_in_the_metrics grep -q '"binarize":"dynamic"' drawn/metrics.jsonl
holds binarisation_changes_training sh -c '! cmp -s drawn/last.safetensors unchanged/last.safetensors'
"$VAE" train shapes:320 --model tiny.txt --batch 20 --seed 3 --binarize static -o once --epochs 3 -q > out 2> err
holds drawing_anew_is_not_drawing_once sh -c '! cmp -s drawn/last.safetensors once/last.safetensors'
exits binarisation_stays_as_it_began 2 'the --binarize differs' "$VAE" train shapes:320 -o drawn --resume --binarize static
exits binarisation_is_one_of_three 2 'dynamic|static|threshold' "$VAE" train shapes -o r --model tiny.txt --binarize dynamo
exits eval_says_what_it_scores 0 'binarised by one draw' "$VAE" eval drawn/last.safetensors shapes:320 --binarize dynamic
"$VAE" eval drawn/last.safetensors shapes:320 --binarize dynamic --json > dynamic.json 2> err
"$VAE" eval drawn/last.safetensors shapes:320 --binarize static --json > static.json 2> err
holds what_is_scored_is_drawn_once cmp dynamic.json static.json
holds eval_names_the_draw_in_json grep -q '"binarize": *"static"' static.json
val=$(tail -n 1 drawn/metrics.jsonl | sed 's/.*"val_loss":\([0-9.]*\).*/\1/')
"$VAE" eval drawn/last.safetensors shapes:320 --binarize dynamic --json > out 2> err
holds eval_scores_what_was_validated is "$(number loss) - $val < 0.001 && $val - $(number loss) < 0.001"
exits a_threshold_leaves_zeros_and_ones 0 'values *0 to 1' "$VAE" data shapes:32 --binarize threshold
{ printf '2'; for i in $(seq 255); do printf ',0'; done; echo; } > beyond.csv
exits values_beyond_1_are_not_drawn 3 'holds 2; --binarize wants values from 0 to 1' "$VAE" data beyond.csv --binarize static

# The shell starts background commands with SIGINT ignored; the program takes it all the same.
interrupted() { # FOLDER SIGNAL
    "$VAE" train shapes:2000 --model tiny.txt --batch 4 --seed 3 -o "$1" --epochs 6 > out 2> err < /dev/null &
    pid=$!
    for i in $(seq 500); do
        grep -q '"epoch":2' "$1/metrics.jsonl" 2> /dev/null && break
        sleep 0.01
    done
    kill -"$2" $pid
    wait $pid
    code=$?
}
interrupted int INT
if [ "$code" -eq 130 ]; then ok ctrl_c_exits_130; else not_ok ctrl_c_exits_130 "exit code $code"; fi
holds ctrl_c_says_what_to_do grep -q 'interrupted at step .*--resume' err
interrupted term TERM
if [ "$code" -eq 130 ]; then ok sigterm_exits_130; else not_ok sigterm_exits_130 "exit code $code"; fi
interrupted killed KILL 2> /dev/null
"$VAE" train shapes:2000 --model tiny.txt --batch 4 --seed 3 -o calm --epochs 6 -q > out 2> err
for run in int term killed; do
    exits "resume_after_$run" 0 'resumed at step' "$VAE" train shapes:2000 -o $run --resume
    holds "same_bytes_after_$run" cmp calm/last.safetensors $run/last.safetensors
    holds "no_step_twice_after_$run" test -z "$(grep '"event":"step"' $run/metrics.jsonl |
        sed 's/.*"step":\([0-9]*\),.*/\1/' | sort | uniq -d)"
done

# ---- using a model ------------------------------------------------------------------------------------------------------
model=whole/best.safetensors
exits eval_prints_json 0 '"loss":' "$VAE" eval $model shapes:640 --json
cp out one.json
holds eval_loss_is_recon_plus_rate is "($(number loss) - $(number recon) - $(number rate)) ^ 2 < 1e-8"
holds eval_counts_the_test_split is "$(number n) == 64"
holds eval_has_active_units is "$(number active_units) >= 0 && $(number active_units) <= 4"
holds eval_bits_per_dim is "($(number bits_per_dim) - $(number loss) / 256 / log(2)) ^ 2 < 1e-10"
best=$(sed -n 's/.*"event":"epoch".*"val_loss":\([0-9.]*\),.*/\1/p' whole/metrics.jsonl | sort -n | head -n 1)
holds eval_agrees_with_validation is "(${best:-0} - $(number loss)) ^ 2 < 1e-6"
loss=$(number loss)
exits eval_with_samples 0 '"iw_bound":-' "$VAE" eval $model shapes:640 --samples 20 --json
holds importance_weights_tighten_the_bound is "$(number iw_bound) > -($loss) - 0.5"
exits eval_in_words 0 '^active units' "$VAE" eval $model shapes:640 --limit 10
exits eval_measures_by_name 0 '"measures":{"mig bins=5":' "$VAE" eval $model shapes:640 --measures 'mig bins=5 | active_units|nll' --json
holds a_measure_is_the_score is "($(number nll) - $loss) ^ 2 < 1e-6"
exits eval_measures_all 0 '^ms_ssim ' "$VAE" eval $model shapes:640 --all
exits anomaly_is_fitted 0 'false alarms' "$VAE" anomaly fit $model shapes:640 -o detector.safetensors --alpha 0.1 \
    --score 'bound samples=2'
exits a_detector_is_a_model 0 '"loss":' "$VAE" eval detector.safetensors shapes:640 --json
exits anomalies_are_scored 0 '^AUROC' "$VAE" anomaly score detector.safetensors shapes:640 -o anomalies.csv --alpha 0.1 \
    --anomalies shapes:50 --maps maps --worst 3
holds a_line_for_each_of_both is "$(wc -l < anomalies.csv) == 64 + 5 + 1"
holds error_maps_are_pictures is "$(ls maps/*.png | wc -l) == 3"
exits maps_of_before 1 'exists already; --force' "$VAE" anomaly score detector.safetensors shapes:640 -o second.csv --maps maps
exits a_tail_wants_scores 1 'fewer than 10 excesses' "$VAE" anomaly score detector.safetensors shapes:640 -o t.csv --threshold tail
exits a_model_is_no_detector 3 'not a detector' "$VAE" anomaly score $model shapes:640 -o t.csv
exits no_such_score 2 "did you mean 'bound'" "$VAE" anomaly fit $model shapes:640 -o d.safetensors --score bond
exits no_such_alpha 2 'between 0 and 1' "$VAE" anomaly fit $model shapes:640 -o d.safetensors --alpha 1
exits fit_or_score 2 'wanted fit or score' "$VAE" anomaly fitt $model shapes:640 -o d.safetensors
exits no_such_measure 2 "did you mean 'ssim'" "$VAE" eval $model shapes:640 --measures ssmi
exits eval_all_and_some 2 'wanted one of them' "$VAE" eval $model shapes:640 --measures ssim --all
# ---- means over examples, and a count that is known ---------------------------------------------------------------------
# 1,720 of 3,000 images are white, the others black; the last ones are white, so that a short batch is unlike the others. The decoder says
# 0 everywhere, the posterior's variance is 1 and its mean a multiple of each pixel: 1, 0.21, 0.19 and 0. In 300 examples to validate and
# in 2,700 to train on 43 of 75 are white: the variances of the means are 0.2446, 0.01079, 0.00883 and 0, so two units are active.
zeros() { head -c "$1" /dev/zero; }
ones() { zeros "$1" | tr '\0' '\377'; }
{ zeros 40; ones 40; } > pairs
for i in 1 2 3 4 5 6 7; do cat pairs pairs > twice && mv twice pairs; done
{ idx 3000 2 2; cat pairs; ones 1760; } > ends-idx3-ubyte
head='{"__metadata__":{"format":"pt","vae.format_version":"1","vae.spec":"input 2x2x1\nencoder flatten\nlatent gaussian dim=4\n'
head=$head'decoder linear out=4 | reshape 2x2x1\nlikelihood gaussian\n"}'
# tensor NAME SHAPE BEGIN END: of floats, in the header
tensor() { head="$head,\"$1\":{\"dtype\":\"F32\",\"shape\":[$2],\"data_offsets\":[$3,$4]}"; }
tensor latent.mean.weight 4,4 0 64
tensor latent.mean.bias 4 64 80
tensor latent.logvar.weight 4,4 80 144
tensor latent.logvar.bias 4 144 160
tensor decoder.0.weight 4,4 160 224
tensor decoder.0.bias 4 224 240
head="$head}"
{
    printf "\\$(printf %03o $((${#head} & 255)))\\$(printf %03o $((${#head} >> 8)))\\0\\0\\0\\0\\0\\0"
    printf %s "$head"
    printf '\000\000\200\077' && zeros 16 # 1
    printf '\075\012\127\076' && zeros 16 # 0.21
    printf '\134\217\102\076' && zeros 196 # 0.19
} > hand.safetensors
recon='(2 * 43 / 75 + 2 * log(2 * 3.14159265358979))' # half of 4 squares, and 4 constants
rate='(43 / 75 * (1 + 0.21 ^ 2 + 0.19 ^ 2) / 2)'
exits a_model_made_by_hand_is_scored 0 '"active_units":2,' "$VAE" eval hand.safetensors ends-idx3-ubyte --json
holds eval_is_the_mean_over_examples is "($(number recon) - $recon) ^ 2 < 1e-12 && ($(number rate) - $rate) ^ 2 < 1e-12"
exits a_model_made_by_hand_is_trained 0 . "$VAE" train ends-idx3-ubyte --model hand.safetensors --set 'optimizer=sgd lr=0' --batch 256 \
    --epochs 1 -o ends
grep '"event":"epoch"' ends/metrics.jsonl > out
holds training_is_the_mean_over_examples is "($(number recon) - $recon) ^ 2 < 1e-12 && ($(number rate) - $rate) ^ 2 < 1e-12"
holds validation_is_the_mean_over_examples is \
    "($(number val_recon) - $recon) ^ 2 < 1e-12 && ($(number val_rate) - $rate) ^ 2 < 1e-12"
holds training_counts_active_units is "$(number active_units) == 2"

exits encode_writes_an_array 0 . "$VAE" encode $model shapes:640 -o z.npy --logvar v.npy --labels y.npy --factors f.npy
holds array_is_numpys sh -c 'head -c 6 z.npy | tail -c 5 | grep -q NUMPY'
holds array_has_its_size test "$(wc -c < z.npy)" -eq $((128 + 64 * 4 * 4))
exits decode_to_a_picture 0 '' "$VAE" decode $model z.npy -o x.png
holds decoded_is_a_png is_png x.png
exits decode_to_an_array 0 '' "$VAE" decode $model z.npy -o x.npy
holds decoded_array_has_its_size test "$(wc -c < x.npy)" -eq $((128 + 64 * 256 * 4))
exits decoded_array_is_data 0 '"n":64' "$VAE" eval $model x.npy --json
exits recon_draws 0 '' "$VAE" recon $model shapes:640 -o recon.png -n 12
exits sample_draws 0 '' "$VAE" sample $model -n 9 --seed 5 -o a.png
"$VAE" sample $model -n 9 --seed 5 -o b.png --threads 2
"$VAE" sample $model -n 9 --seed 6 -o c.png
holds equal_seeds_give_equal_samples cmp a.png b.png
holds other_seeds_give_other_samples sh -c '! cmp -s a.png c.png'
exits interp_draws 0 '' "$VAE" interp $model shapes:640 -o walk.png
for file in recon.png a.png walk.png; do holds "drawn_is_a_png_$file" is_png $file; done
exits outputs_are_not_overwritten 1 'exists already' "$VAE" sample $model -o a.png
exits force_overwrites 0 '' "$VAE" sample $model -o a.png --force
exits output_type_is_checked 2 'png or .npy' "$VAE" sample $model -o a.gif
exits info_lists_parameters 0 'latent.mean.weight' "$VAE" info $model
exits info_prints_json 0 '"parameters":' "$VAE" info $model --json
exits checkpoint_is_a_model 0 'latent.mean.weight' "$VAE" info whole/resume.safetensors
exits bench_prints_json 0 '"allocs":0[,}]' "$VAE" bench --only dense_vae_train --seconds 0 --json
holds bench_knows_the_peak is "$(number peak_gflops) >= 0 && $(number limit_items_per_s) >= 0"
exits bench_prints_a_table 0 '^dense_vae_train' "$VAE" bench --only dense_vae_train --seconds 0

exits bench_of_a_product 0 '"workload":"matmul_1024"' "$VAE" bench --only matmul_1024 --seconds 0 --json
case $(OPENBLAS_CORETYPE=Nehalem "$VAE" --version) in *avx2*'(Nehalem)'*)
    exits bench_warns_of_a_lesser_blas 0 'warning: the BLAS runs below this machine' env OPENBLAS_CORETYPE=Nehalem \
        "$VAE" bench --arith blas --only matmul_1024 --seconds 0
    exits bench_without_blas_does_not_warn 0 '^matmul_1024' env OPENBLAS_CORETYPE=Nehalem \
        "$VAE" bench --only matmul_1024 --seconds 0
    holds no_warning_without_blas test ! -s err
    ;;
esac

# ---- codes --------------------------------------------------------------------------------------------------------------
exits train_with_a_codebook 0 'perplexity' "$VAE" train shapes:320 --model codes.txt --batch 32 -o book --epochs 2
book=book/last.safetensors
for key in perplexity codes_used dead_codes quantization_error val_perplexity; do
    holds "metrics_have_$key" grep -q "\"event\":\"epoch\".*\"$key\":[0-9]" book/metrics.jsonl
done
holds samples_of_codes_are_drawn is_png book/samples/epoch_0002.png
exits codes_have_no_active_units 2 'has codes' "$VAE" eval $book shapes:320 --measures active_units
exits eval_of_codes 0 '"perplexity":' "$VAE" eval $book shapes:320 --json
holds perplexity_lies_between_1_and_k is "$(number perplexity) >= 1 && $(number perplexity) <= 32"
perplexity=$(number perplexity)
exits codes_are_written 0 '16 codes' "$VAE" encode $book shapes:320 --codes -o codes.npy
holds codes_have_their_size test "$(wc -c < codes.npy)" -eq $((128 + 32 * 16 * 4))
holds codes_are_int32 grep -aq "'<i4'.*(32, 4, 4,)" codes.npy
exits codes_are_decoded 0 '' "$VAE" decode $book codes.npy -o from_codes.npy
"$VAE" encode $book shapes:320 -o vectors.npy > out 2> err
"$VAE" decode $book vectors.npy -o from_vectors.npy > out 2> err
holds codes_decode_as_their_vectors cmp from_codes.npy from_vectors.npy
exits codes_are_drawn 0 '"collapsed":' "$VAE" codes $book shapes:320 -o codes.png --json
holds drawn_codes_are_a_png is_png codes.png
holds drawn_codes_agree_with_eval is "($(number perplexity) - $perplexity) ^ 2 < 1e-12"
exits info_counts_codes 0 '16 codes for an example, each one of 32: 10 bytes' "$VAE" info $book
{ head -c 128 codes.npy; l32 32; tail -c +133 codes.npy; } > out_of_range.npy
exits code_out_of_range 3 'wanted 0..31' "$VAE" decode $book out_of_range.npy -o r.npy
exits codes_of_another_size 3 'latents of 16x16x1, the model wants 4x4x8' "$VAE" decode $book from_codes.npy -o r.npy
exits codes_are_no_examples 3 'which are codes' "$VAE" eval $book codes.npy
exits no_codes_to_write 2 'no codes' "$VAE" encode $model shapes:640 --codes -o r.npy
exits no_codes_to_draw 2 'no codes' "$VAE" codes $model shapes:640 -o r.png
exits no_codes_to_decode 3 'has none' "$VAE" decode $model codes.npy -o r.npy
exits collapse_of_a_codebook_is_reported 0 'the codebook has collapsed' "$VAE" train shapes:960 --model codes.txt \
    --set latent.start=random --set latent.revive=0 --set latent.codes=256 --steps 2 -o poor
exits bench_of_a_codebook 0 '"allocs":0[,}]' "$VAE" bench --only vqvae_train --seconds 0 --json

# ---- priors -------------------------------------------------------------------------------------------------------------
small='--set prior.channels=8 --set prior.layers=1 --batch 32 -q'
exits prior_is_fitted 0 'log p(x) is at most' "$VAE" prior book shapes:320 --epochs 1 -o plain_prior.safetensors $small
exits prior_of_classes_is_fitted 0 'log p(x) is at most' "$VAE" prior book shapes:320 --classes --epochs 1 \
    -o classes.safetensors $small
exits samples_of_a_class 0 '' "$VAE" sample classes.safetensors -n 6 --class 1 -o one.npy
exits samples_of_another_class 0 '' "$VAE" sample classes.safetensors -n 6 --class 2 -o two.npy
holds classes_differ sh -c '! cmp -s one.npy two.npy'
exits samples_of_a_class_by_name 0 '' "$VAE" sample classes.safetensors -n 6 --class Square -o by_name.npy
holds a_name_is_its_class cmp one.npy by_name.npy
exits no_such_class_name 2 'did you mean square?' "$VAE" sample classes.safetensors --class squaer -o r.png
exits no_names_of_classes 2 'has no classes' "$VAE" sample plain_prior.safetensors --class ring -o r.png
cp classes.safetensors nameless.safetensors
exits names_of_classes_are_missing 2 'no nameless.classes.txt' "$VAE" sample nameless.safetensors --class ring -o r.png
exits samples_of_all_classes 0 '' "$VAE" sample classes.safetensors -n 6 -o six.png
exits classes_are_scored 0 '"rate"' "$VAE" eval classes.safetensors shapes:320 --json
exits no_such_class 2 'class: 99, wanted 0' "$VAE" sample classes.safetensors --class 99 -o r.png
exits no_classes_in_the_prior 2 'has no classes' "$VAE" sample plain_prior.safetensors --class 0 -o r.png
exits no_labels_in_the_data 3 'have no labels' "$VAE" prior book recon.png --classes -o r.safetensors
exits no_labels_to_score_by 3 'have no labels' "$VAE" eval classes.safetensors recon.png
exits no_classes_of_a_mixture 2 "no option 'classes'" "$VAE" prior whole shapes:64 --kind gmm --classes -o r.safetensors

# conditions: the labels of the data go with every example
cat > conditional.txt <<TEXT
input 16x16x1
condition classes=4
encoder flatten | condition mode=film | linear out=16 | relu
latent gaussian dim=3
decoder condition | linear out=256 | reshape 16x16x1
likelihood bernoulli
TEXT
exits conditional_model_trains 0 'best validation loss' "$VAE" train shapes:320 --model conditional.txt --epochs 3 -o conditional
exits conditional_model_begins 0 '' "$VAE" train shapes:320 --model conditional.txt --epochs 1 -o conditional_resumed
exits conditional_model_goes_on 0 '' "$VAE" train shapes:320 --model conditional.txt --epochs 3 -o conditional_resumed --resume
holds conditional_resume_is_bit_exact cmp conditional/last.safetensors conditional_resumed/last.safetensors
labelled=conditional/best.safetensors
exits conditional_samples_of_a_class 0 '' "$VAE" sample $labelled -n 6 --class 1 -o cond_one.npy
exits conditional_samples_by_name 0 '' "$VAE" sample $labelled -n 6 --class Square -o cond_named.npy
holds conditional_name_is_its_class cmp cond_one.npy cond_named.npy
exits conditional_rows_of_each_class 0 '' "$VAE" sample $labelled --each-class -n 5 -o cond_each.npy
holds rows_of_each_class_are_that_many test "$(wc -c < cond_each.npy)" = $((128 + 4 * 5 * 256 * 4))
exits conditional_rows_are_a_picture 0 '' "$VAE" sample $labelled --each-class -o cond_each.png
exits conditional_model_is_scored 0 '"rate"' "$VAE" eval $labelled shapes:320 --json
exits conditional_model_reconstructs 0 '' "$VAE" recon $labelled shapes:320 -o cond_recon.png
exits conditional_model_walks 0 '' "$VAE" interp $labelled shapes:320 -o cond_walk.png
exits conditional_model_encodes 0 '' "$VAE" encode $labelled shapes:320 -o cond_z.npy --labels cond_y.npy
exits conditional_model_decodes 0 '' "$VAE" decode $labelled cond_z.npy --labels cond_y.npy -o cond_x.png
exits decoding_without_labels 1 'label: is NULL' "$VAE" decode $labelled cond_z.npy -o r.png
exits decoding_with_other_labels 3 'wanted 32 labels' "$VAE" decode $labelled cond_z.npy --labels cond_z.npy -o r.png
exits prior_of_a_conditional_model_is_fitted 0 'log p(x) is at most' "$VAE" prior $labelled shapes:320 --kind gmm \
    --epochs 1 -o cond_prior.safetensors
exits prior_of_a_conditional_model_is_sampled 0 '' "$VAE" sample cond_prior.safetensors --each-class -o cond_prior.png
exits labels_of_a_plain_model 2 'has no classes' "$VAE" decode $model z.npy --labels y.npy -o r.png
exits rows_of_a_plain_model 2 'has no classes' "$VAE" sample $model --each-class -o r.png
exits one_class_and_each 2 'exclude each other' "$VAE" sample $labelled --class 1 --each-class -o r.png
exits no_labels_to_train_by 3 'have no labels' "$VAE" train recon.png --model conditional.txt -o r
exits no_labels_to_reconstruct_by 3 'have no labels' "$VAE" recon $labelled recon.png -o r.png
exits more_classes_than_the_condition_has 3 'set condition.classes=4' "$VAE" train shapes:320 --model conditional.txt \
    --set condition.classes=2 -o r
exits a_vector_has_no_source 2 'a vector of 3 values' "$VAE" train shapes:320 --model conditional.txt --set condition.vector=3 -o r

# fit: of a prior over codes or values, to a file
fit() {
    "$VAE" prior "$@" -q
}
for kind in pixelcnn gmm aggregate; do
    case $kind in
    pixelcnn) fit_model=book fit_set='--classes --set prior.channels=8 --set prior.layers=1' ;;
    gmm) fit_model=whole fit_set='--kind gmm --set prior.components=4' ;;
    aggregate) fit_model=whole fit_set='--kind aggregate --set prior.posteriors=200' ;;
    esac
    fit $fit_model shapes:320 --batch 32 --seed 5 $fit_set --epochs 3 -o whole_$kind.safetensors > out 2> err
    fit $fit_model shapes:320 --batch 32 --seed 5 $fit_set --steps 4 -o broken_$kind.safetensors > out 2> err
    exits "${kind}_fit_resumes_in_an_epoch" 0 'resumed at step 4' "$VAE" prior $fit_model shapes:320 --resume --epochs 2 \
        -o broken_$kind.safetensors
    exits "${kind}_fit_resumes_once_more" 0 'resumed at step 20' "$VAE" prior $fit_model shapes:320 --resume --epochs 3 \
        -o broken_$kind.safetensors
    holds "resumed_${kind}_equals_the_unbroken_one" cmp whole_$kind.safetensors broken_$kind.safetensors
    holds "resumed_checkpoint_of_${kind}_equals_the_unbroken_one" cmp whole_$kind.resume.safetensors \
        broken_$kind.resume.safetensors
done
exits fit_of_other_data 3 'not the data' "$VAE" prior book shapes:100 --resume -o broken_pixelcnn.safetensors
exits fit_of_another_model 3 'not the model' "$VAE" prior patient/last.safetensors shapes:320 --resume \
    -o broken_gmm.safetensors
exits fit_with_another_prior 2 'a fit goes on as it began' "$VAE" prior book shapes:320 --resume --kind transformer \
    -o broken_pixelcnn.safetensors
exits fit_with_another_batch 2 'batch differs' "$VAE" prior book shapes:320 --resume -b 7 -o broken_pixelcnn.safetensors
exits fit_to_resume_is_missing 1 'nothing to resume' "$VAE" prior book shapes:320 --resume -o nothing.safetensors
exits fit_resumed_and_replaced 2 'exclude' "$VAE" prior book shapes:320 --resume -f -o broken_pixelcnn.safetensors
exits fit_to_another_ending 2 'ends in .safetensors' "$VAE" prior book shapes:320 -o prior.bin
head -c 400 whole_gmm.resume.safetensors > cut.resume.safetensors
cp whole_gmm.config.txt cut.config.txt
cp whole_gmm.resume.txt cut.resume.txt
exits fit_with_half_a_checkpoint 3 . "$VAE" prior whole shapes:320 --resume -o cut.safetensors
fit book shapes:320 --batch 32 $small --epochs 1 > out 2> err
holds prior_of_a_run_is_in_its_folder test -s book/prior.safetensors
exits run_is_sampled_by_its_prior 0 '' "$VAE" sample book -n 4 -o by_run.npy
exits prior_of_a_run_is_sampled 0 '' "$VAE" sample book/prior.safetensors -n 4 -o by_file.npy
holds a_run_stands_for_its_prior cmp by_run.npy by_file.npy
"$VAE" prior book shapes:5000 --set prior.channels=16 --batch 8 --epochs 50 -q -o stopped.safetensors > out 2> err &
fit_id=$!
for wait in 1 2 3 4 5 6 7 8 9 10; do
    [ -e stopped.config.txt ] && break
    sleep 1
done
sleep 1
kill -INT $fit_id
wait $fit_id
holds interrupted_fit_has_its_code test $? -eq 130
holds interrupted_fit_is_saved test -s stopped.resume.safetensors

# a plain autoencoder has no prior to sample from
exits train_an_autoencoder 0 . "$VAE" train shapes:64 --model tiny.txt --set latent=none --steps 3 -o plain
if [ -s plain/last.safetensors ]; then
    exits no_samples_without_a_prior 1 . "$VAE" sample plain/last.safetensors -o plain.png
fi

# ---- data ---------------------------------------------------------------------------------------------------------------
{ idx 12 16 16; bytes 3072; } > good-images-idx3-ubyte
{ printf '\000\000\010\001'; u32 12; bytes 12; } > good-labels-idx1-ubyte
exits idx_is_read 0 '"n":12' "$VAE" eval $model good-images-idx3-ubyte --json
gzip -k good-images-idx3-ubyte
exits zipped_idx_is_read 0 '"n":12' "$VAE" eval $model good-images-idx3-ubyte.gz --json
exits labels_next_to_images 0 . "$VAE" encode $model good-images-idx3-ubyte -o zi.npy --labels yi.npy
exits no_labels 3 'has none' "$VAE" encode $model x.npy -o zx.npy --labels yx.npy

# bad NAME PATTERN: the file NAME is refused with code 3 and a sentence
bad() {
    exits "refuses_$1" 3 "$2" "$VAE" eval $model "$1" --json
}
mkdir mnist
for split in train t10k; do
    cp good-images-idx3-ubyte mnist/$split-images-idx3-ubyte
    cp good-labels-idx1-ubyte mnist/$split-labels-idx1-ubyte
done
exits folder_of_idx_files_is_read 0 '"n":12' "$VAE" eval $model mnist --json
exits fashion_mnist_by_environment 3 'label 0 is 64, there are 10 classes' env VAE_DATA=mnist "$VAE" eval $model fashion-mnist
{ printf '\000\000\010\001'; u32 12; bytes 12 | tr '\100' '\007'; } | tee mnist/train-labels-idx1-ubyte > mnist/t10k-labels-idx1-ubyte
exits fashion_mnist_is_read 0 '"n":12' env VAE_DATA=mnist "$VAE" eval $model fashion-mnist --json
exits fashion_mnist_missing 1 'apt install' env VAE_DATA=nowhere "$VAE" eval $model fashion-mnist

: > empty
bad empty 'empty'
printf '\000\000\010' > idx_of_3_bytes
bad idx_of_3_bytes 'cut short'
printf '\000\000\010\003\000\000' > idx_with_half_a_header
bad idx_with_half_a_header 'cut short'
{ printf '\000\000\007\003'; u32 1 16 16; bytes 256; } > idx_of_unknown_type
bad idx_of_unknown_type 'does not exist'
{ printf '\000\000\014\003'; u32 1 16 16; bytes 1024; } > idx_of_int
bad idx_of_int 'not read'
{ printf '\000\000\010\000'; bytes 100; } > idx_of_no_size
bad idx_of_no_size '1 to 4'
{ printf '\000\000\010\005'; u32 1 1 1 16 16; bytes 256; } > idx_of_5_sizes
bad idx_of_5_sizes '1 to 4'
{ printf '\003\010\000\000'; u32 1 16 16; bytes 256; } > idx_swapped
bad idx_swapped 'byte-swapped'
{ idx 1 0 16; bytes 256; } > idx_with_a_zero
bad idx_with_a_zero 'is 0'
{ idx 4294967295 4294967295 4294967295; bytes 256; } > idx_too_large
bad idx_too_large 'wanted 1 to'
{ idx 2147483647 2147483647 2147483647; bytes 256; } > idx_overflow
bad idx_overflow 'overflow'
{ idx 2 16 16; bytes 511; } > idx_truncated
bad idx_truncated 'cut short'
{ idx 2 16 16; bytes 513; } > idx_with_more
bad idx_with_more 'follow'
{ printf '\000\000\010\001'; u32 100; bytes 100; } > idx_of_labels
bad idx_of_labels 'not images'
{ printf '\000\000\015\003'; u32 1 16 16; bytes 1020; printf '\177\300\000\000'; } > idx_with_nan
bad idx_with_nan 'not finite'
{ idx 1 8 8; bytes 64; } > idx_of_another_size
bad idx_of_another_size '8x8x1.*16x16x1'
{ idx 2 16 16; bytes 511; } | gzip > zipped_truncated
bad zipped_truncated 'cut short'
{ idx 2 16 16; bytes 513; } | gzip > zipped_with_more
bad zipped_with_more 'follow'
gzip < good-images-idx3-ubyte | head -c 40 > zipped_half
bad zipped_half 'cut short\|damaged'
{ idx 2147483647 200 16; bytes 256; } | gzip > zipped_bomb
bad zipped_bomb 'cut short'
{ idx 12 16 16; bytes 3072; } > bad-images-idx3-ubyte
{ printf '\000\000\010\001'; u32 11; bytes 11; } > bad-labels-idx1-ubyte
bad bad-images-idx3-ubyte '11 labels for 12 images'
printf 'version https://git-lfs.github.com/spec/v1\n' > lfs_pointer
bad lfs_pointer 'LFS'
printf '<!DOCTYPE html><html></html>' > web_page
bad web_page 'web page'
printf '\200\004\225 data' > pickle
bad pickle 'pickle'
printf 'PK\003\004 data' > zip
bad zip 'zip'
mkfifo fifo
bad fifo 'not a regular file'

npy() { # HEADER, then the values on stdin
    printf '\223NUMPY\001\000'
    n=$((${#1} + 1))
    printf "\\$(printf %03o $((n & 255)))\\$(printf %03o $((n >> 8)))%s\n" "$1"
    cat
}
bytes 512 | npy "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 16, 16), }" > good.npy
exits npy_is_read 0 '"n":2' "$VAE" eval $model good.npy --json
bytes 512 | npy "{'shape': (2, 256), 'fortran_order': False, 'descr': '|u1'}" > flat.npy
exits flat_npy_is_read 0 '"n":2' "$VAE" eval $model flat.npy --json
head -c 40 good.npy > npy_cut
bad npy_cut 'cut short'
bytes 511 | npy "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 16, 16), }" > npy_truncated
bad npy_truncated '512 values'
bytes 512 | npy "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 16, 16), }" > npy_fortran
bad npy_fortran 'Fortran'
bytes 512 | npy "{'descr': '|O', 'fortran_order': False, 'shape': (2, 16, 16), }" > npy_of_objects
bad npy_of_objects 'not read'
bytes 512 | npy "{'descr': '|u1', 'fortran_order': False, 'shape': (2, -16, 16), }" > npy_negative
bad npy_negative 'damaged'
bytes 512 | npy "{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296, 16), }" > npy_overflow
bad npy_overflow 'overflow'
bytes 512 | npy "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,), }" > npy_huge
bad npy_huge 'overflow'
bytes 512 | npy "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (2, 256), }" > npy_twice
bad npy_twice 'damaged'
bytes 512 | npy "{'descr': '|u1', 'shape': (2, 256), }" > npy_incomplete
bad npy_incomplete 'damaged'
bytes 512 | npy "import os" > npy_of_code
bad npy_of_code 'damaged'
printf '' | npy "{'descr': '|u1', 'fortran_order': False, 'shape': (0, 16, 16), }" > npy_empty
bad npy_empty 'empty'
{ bytes 1020; printf '\000\000\300\177'; } | npy "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 256), }" > npy_nan
bad npy_nan 'not finite'
bytes 1024 | npy "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 256), }" > npy_of_3
exits train_wants_unit_interval 3 'from 0 to 1' "$VAE" train npy_of_3 --model tiny.txt -o r
exits latents_of_another_size 3 'the model wants 4' "$VAE" decode $model npy_of_3 -o y.png

bytes 3073 | tr '\100' '\001' > cifar.bin
sed 's/16x16x1/32x32x3/g; s/out=256/out=3072/' tiny.txt > colour.txt
exits cifar_is_read 0 . "$VAE" train cifar.bin --model colour.txt --steps 1 -o cifar
exits cifar_of_another_size_than_the_model 3 '32x32x3.*16x16x1' "$VAE" train cifar.bin --model tiny.txt -o r
bytes 3072 > cifar_cut.bin
bad cifar_cut.bin 'no whole number'
bytes 3073 > cifar_label.bin
bad cifar_label.bin 'label 64'
{ printf '\200\002'; bytes 3071; } > cifar_pickle.bin
bad cifar_pickle.bin 'pickle'

# two textures' worth of a game: a flat, twice, one of a single colour; a wall of a patch and a picture, one with a hole
mkdir lumps
octets 'for (i = 0; i < 256; i++) { put(i); put(255 - i); put(i * 3) }' > lumps/PLAYPAL
octets 'for (i = 0; i < 4096; i++) put(i * 7 + int(i / 64) * 13)' | tee lumps/FLAT1 > lumps/FLAT2
bytes 4096 > lumps/FLAT3
bytes 100 > lumps/NOTES
column='put(0); put(64); put(0); for (y = 0; y < 64; y++) put(x * y + 5); put(0); put(255)'
{ l16 64 64 0 0; octets 'for (x = 0; x < 64; x++) { n = 264 + 69 * x; put(n); put(n / 256); put(0); put(0) }'
    octets "for (x = 0; x < 64; x++) { $column }"; } > lumps/PATCH
cp recon.png lumps/PICTURE
{ l32 3; name8 PATCH; name8 Picture; name8 ABSENT; } > lumps/PNAMES
# texture NAME WIDTH HEIGHT PATCHES
texture() {
    name8 "$1"
    l32 0
    l16 "$2" "$3"
    l32 0
    l16 "$4"
}
{ l32 3 16 58 90; texture WALL 128 64 2; l16 0 0 0 0 0 64 -3 1 0 0; texture GRATE 128 64 1; l16 0 0 0 0 0
    texture ADDON 64 64 1; l16 0 0 2 0 0; } > lumps/TEXTURE1
all='PLAYPAL F_START FLAT1 FLAT2 FLAT3 NOTES F_END PNAMES TEXTURE1 PATCH PICTURE'
wad $all > textures.wad
exits wad_is_read 0 '3 latents' "$VAE" encode $model textures.wad --split train -o zw.npy
mkdir doom
cp textures.wad doom/freedoom1.wad
wad PLAYPAL F_START FLAT1 F_END > doom/freedoom2.wad
exits freedoom_by_environment 0 '3 latents' env VAE_DATA=doom "$VAE" encode $model freedoom --split train -o zd.npy
exits freedoom_missing 1 'apt install freedoom' env VAE_DATA=nowhere "$VAE" eval $model freedoom
exits train_on_a_wad 0 . "$VAE" train textures.wad --model colour.txt --steps 2 --augment crop,flip,rotate90 -o walls

printf IWAD > wad_of_4_bytes
bad wad_of_4_bytes 'cut short'
{ printf IWAD; l32 1 12; } > wad_without_its_directory
bad wad_without_its_directory 'cut short: the directory'
{ printf IWAD; l32 4294967295 12; bytes 64; } > wad_of_many_lumps
bad wad_of_many_lumps 'at most 65536'
{ printf IWAD; l32 1 4; bytes 64; } > wad_with_a_directory_in_its_head
bad wad_with_a_directory_in_its_head 'cut short'
{ printf IWAD; l32 1 12 12 4294967295; name8 PLAYPAL; } > wad_with_a_lump_past_its_end
bad wad_with_a_lump_past_its_end 'lump 0'
wad NOTES > wad_without_colours
bad wad_without_colours 'no PLAYPAL'
wad PLAYPAL > wad_without_textures
bad wad_without_textures 'no example'
wad PLAYPAL F_START FLAT1 > wad_with_endless_flats
bad wad_with_endless_flats 'without F_END'
wad PLAYPAL TEXTURE1 > wad_without_names
bad wad_without_names 'without PNAMES'

# bad_lump LUMP NAME PATTERN: with the bytes on stdin for this lump the archive is refused
bad_lump() {
    cp "lumps/$1" kept
    cat > "lumps/$1"
    wad $all > "wad_$2"
    cp kept "lumps/$1"
    bad "wad_$2" "$3"
}
bytes 767 | bad_lump PLAYPAL of_few_colours 'PLAYPAL has 767'
l32 100 | bad_lump PNAMES of_few_names 'PNAMES is cut short'
l32 1 | bad_lump TEXTURE1 without_an_offset 'TEXTURE1 is cut short'
l32 1 4294967295 | bad_lump TEXTURE1 with_a_far_texture 'reaches past the end'
{ l32 1 8; texture WALL 0 64 0; } | bad_lump TEXTURE1 of_no_width 'is 0x64'
{ l32 1 8; texture WALL 64 65535 0; } | bad_lump TEXTURE1 of_negative_height 'is 64x-1'
{ l32 1 8; texture WALL 64 64 1; } | bad_lump TEXTURE1 without_its_patch 'patches reach past'
{ l32 1 8; texture WALL 64 64 1; l16 0 0 3 0 0; } | bad_lump TEXTURE1 of_no_such_patch 'wants patch 3, PNAMES has 3'
bytes 7 | bad_lump PATCH of_a_short_patch 'PATCH: cut short'
l16 0 64 0 0 | bad_lump PATCH of_a_narrow_patch '1 to 4096'
{ l16 64 64 0 0; l32 264; } | bad_lump PATCH without_columns 'PATCH: cut short'
{ l16 1 64 0 0; l32 4294967295; } | bad_lump PATCH with_a_far_column 'column reaches past'
{ l16 1 64 0 0; l32 12; octets 'put(0); put(64); put(0)'; } | bad_lump PATCH with_half_a_run 'run of pixels reaches past'
{ l16 1 64 0 0; l32 12; octets 'put(0); put(0); put(0); put(0)'; } | bad_lump PATCH with_an_endless_column 'column reaches past'
head -c 60 recon.png | bad_lump PICTURE with_half_a_png 'PICTURE: .*PNG'

mkdir folder
i=0
for file in whole/samples/*.png recon.png walk.png; do
    cp "$file" "folder/$i.png"
    i=$((i + 1))
done
echo words > folder/notes.txt
exits folder_is_read 0 "\"n\":$i" "$VAE" eval $model folder --json
exits picture_is_read 0 '"n":1' "$VAE" eval $model recon.png --json
mkdir classes classes/a classes/b
cp recon.png classes/a/1.png
cp walk.png classes/b/1.png
exits folders_are_classes 0 '2 latents' "$VAE" encode $model classes -o zc.npy --labels yc.npy
mkdir no_pictures
bad no_pictures 'no picture in'
head -c 60 recon.png > png_cut
bad png_cut 'PNG'
{ head -c 8 recon.png; bytes 100; } > png_of_rubbish
bad png_of_rubbish 'PNG'
{ head -c 16 recon.png; u32 2147483647 2147483647; tail -c +25 recon.png; } > png_too_large
bad png_too_large 'PNG'
{ head -c 29 recon.png; u32 0; tail -c +34 recon.png; } > png_with_a_wrong_checksum
bad png_with_a_wrong_checksum 'PNG'
# 16x16 grey levels
{
    printf '\377\330\377\333\000\103\000\020\013\014\016\014\012\020\016\015\016\022\021\020\023\030\050\032'
    printf '\030\026\026\030\061\043\045\035\050\072\063\075\074\071\063\070\067\100\110\134\116\100\104\127'
    printf '\105\067\070\120\155\121\127\137\142\147\150\147\076\115\161\171\160\144\170\134\145\147\143\377'
    printf '\300\000\013\010\000\020\000\020\001\001\021\000\377\304\000\025\000\001\001\000\000\000\000\000'
    printf '\000\000\000\000\000\000\000\000\000\006\000\377\304\000\027\020\001\000\003\000\000\000\000\000'
    printf '\000\000\000\000\000\000\000\000\004\000\041\061\377\332\000\010\001\001\000\000\077\000\066\041'
    printf '\345\104\002\036\124\204\074\250\200\103\312\237\377\331'
} > good.jpg
exits jpeg_is_read 0 '"n":1' "$VAE" eval $model good.jpg --json
head -c 150 good.jpg > jpeg_cut
bad jpeg_cut 'JPEG'
head -c 60 good.jpg > jpeg_half
bad jpeg_half 'JPEG'
{ printf '\377\330\377\340'; bytes 100; } > jpeg_of_rubbish
bad jpeg_of_rubbish 'JPEG'
cp png_cut folder/cut.png
exits a_damaged_picture_is_left_out 0 'folder/cut.png: damaged PNG' "$VAE" eval $model folder --json
holds the_others_are_counted is "$(number n) == $i"
exits a_damaged_picture_ends_a_strict_reading 3 'could not be read' "$VAE" eval $model folder --json --strict

# ---- model files --------------------------------------------------------------------------------------------------------
: > none.safetensors
exits refuses_an_empty_model 3 . "$VAE" info none.safetensors
bytes 100 > rubbish.safetensors
exits refuses_rubbish_as_a_model 3 . "$VAE" info rubbish.safetensors
head -c 500 $model > cut.safetensors
exits refuses_half_a_model 3 . "$VAE" info cut.safetensors
printf '\200\002}q\000.' > pickle.safetensors
exits refuses_a_pickle_as_a_model 3 . "$VAE" sample pickle.safetensors -o p.png
holds refusals_write_nothing test ! -e p.png

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
