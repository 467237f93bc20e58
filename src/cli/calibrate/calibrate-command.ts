// `trueup calibrate` as a command of the line: how wrong is the chip counter, and how sure are we?
import { calibrate } from './calibrate.ts';
import { APPLY_USAGE } from './apply-options.ts';
import { FIT_USAGE } from './fit.ts';
import { REPORT_USAGE } from './report.ts';
import { WATCH_USAGE } from './watch.ts';
import type { Command } from '../command.ts';
import { STAIRCASE_USAGE } from './staircase.ts';
import { systemClock } from '../system-clock.ts';

export const CALIBRATE: Command = {
  about: 'fit chip counters to a wall meter, apply the fit, and watch it',
  help: `trueup calibrate - fit chip counters to a wall meter, apply the fit elsewhere, and watch it

usage: ${FIT_USAGE}
       ${APPLY_USAGE}
       ${REPORT_USAGE}
       ${WATCH_USAGE}
       ${STAIRCASE_USAGE}

fit    learns from recorded runs. RUN_DIR holds meter.csv[.gz] and chips.csv[.gz] in the neutral format
       (time,source,quantity,value; RFC 3339 UTC; power_w or energy_j). meter.spl.txt[.gz] of PTDaemon may
       stand for the meter, with --zone, since its stamps carry none. set.json, runs.csv and
       phases.csv[.gz] in it or above it say which sources are the wall, which chips add up, and what
       stamps mean; without them the names decide. Sources written machine/source are nodes of one type.
       "rehearsed": true in set.json labels the evidence of a rehearsal.
       Exit code 3 where a gate refuses: the load was flat, the overlap small, too little data.
apply  reads its arguments only. OUT.csv has start,duration_s,energy_wh,u_wh,quality (machine first
       where there are several); u_wh is the expanded uncertainty (95 %). --every 60 gives rows on whole
       UTC minutes, "native" one row per chip window, --from T --until T one row of that span.
       --spot re-anchors the model on 30 to 60 s of metering from anywhere in the run.
       Rows that a gate refuses have no energy; the reason is on standard error, and the exit code is 3.
report makes one printable page of a model file for somebody who audits it: equation, uncertainty budget,
       errors over time, by application and by run, clocks, coverage, hashes of the evidence. The page
       stands alone and needs neither script nor network.
watch  replays recordings that have a meter against a model, in order of time as one life, and prints each change of
       the level: when it happened, when it was noticed, the step in W with its U, and the level from there on. What
       a model may be off by without a change is what it states itself.
staircase  loads this machine in steps while you record its meter and its chips, and writes phases.csv for the
       recording: --steps 5 up and down, --hold 60s each, --components cpu,memory; --command 'burn {percent}' is
       started with each percentage as one more component (for GPUs). --dry-run prints the plan. Ctrl-C ends it.

examples: trueup calibrate fit runs/monday runs/tuesday --model node7.json
          trueup calibrate apply --model node7.json --chips wednesday/chips.csv.gz --every 900 --out wall.csv
          trueup calibrate report --model node7.json --out node7.html
          trueup calibrate watch --model node7.json runs/*
          trueup calibrate staircase --steps 5 --hold 60s --out runs`,
  run: (argv, terminal) => calibrate(argv, terminal, systemClock()),
};
