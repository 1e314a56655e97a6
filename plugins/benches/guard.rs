//! Speed of the citation guard: sentences checked against five sources of about 200 words, and a draft cut into sentences.

use divan::{Bencher, black_box, counter::ItemsCount};
use plugins::guard::{Guard, Sentences, SourceText};

fn main() {
    divan::main();
}

const LINES: &[&str] = &[
    "Patients receiving aspirin (n = 1,204) had a significantly lower risk of recurrent stroke than those on placebo (HR 0.81; 95% CI 0.70-0.94).",
    "We enrolled 2,413 adults aged 45 to 80 years at 31 hospitals in Germany between 1998 and 2004.",
    "Treatment did not affect overall survival, but it increased the rate of gastrointestinal bleeding from 1.2% to 2.7%.",
    "CYP2C19 genotype modified the response: carriers of two loss-of-function alleles showed no benefit.",
    "These findings suggest that the effect depends on platelet reactivity rather than on blood pressure.",
    "Further trials should test whether lower doses preserve the benefit without the excess of bleeding.",
    "Secondary outcomes included myocardial infarction, vascular death and all-cause mortality after five years of follow-up.",
    "Adherence was measured by pill counts and exceeded 85 percent in both arms throughout the study.",
    "Neither age nor sex explained the difference between centres, which remained after adjustment for baseline risk.",
];

/// Sentences as a model drafts them: a paraphrase, a copy, a wrong number, an invention, a lead-in.
const DRAFT: &[&str] = &[
    "Aspirin lowered the risk of recurrent stroke compared with placebo [1].",
    "Treatment did not affect overall survival, but it increased the rate of gastrointestinal bleeding from 1.2% to 2.7%.",
    "Adherence exceeded 95 percent in both arms.",
    "The drug was discovered by a chemist in Leverkusen.",
    "Based on the passages, carriers of two loss-of-function alleles showed no benefit (Source 2).",
];

fn guard() -> Guard {
    let sources = (1..=5).map(|number| {
        let mut lines: Vec<String> = LINES.iter().map(|line| (*line).to_owned()).collect();
        lines.rotate_left(number);
        for line in &mut lines {
            line.push_str(&format!(" Cohort {number} agreed."));
        }
        SourceText::new(number, "Aspirin after stroke", &lines.join(" "))
    });
    Guard::new("Does aspirin prevent a second stroke?", sources.collect())
}

#[divan::bench]
fn build(bencher: Bencher) {
    bencher.bench(|| black_box(guard()));
}

#[divan::bench]
fn check(bencher: Bencher) {
    let guard = guard();
    bencher.counter(ItemsCount::new(DRAFT.len())).bench(|| {
        for sentence in DRAFT {
            black_box(guard.check(black_box(sentence), None));
        }
    });
}

#[divan::bench]
fn split(bencher: Bencher) {
    let draft = DRAFT.join(" ");
    bencher.counter(ItemsCount::new(DRAFT.len())).bench(|| {
        let mut sentences = Sentences::default();
        let mut count = 0;
        for piece in draft.split_inclusive(' ') {
            count += sentences.push(piece).len();
        }
        black_box(count + sentences.finish().len())
    });
}
