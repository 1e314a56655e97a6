//! The closed word lists that the guard reads by: cues of denial, pairs of opposites, units, spelled numbers.

use std::{collections::HashMap, sync::LazyLock};

/// One end of a pair of opposites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pole {
    /// Which pair, an index into the list.
    pub pair: u8,
    /// Which end of it.
    pub up: bool,
}

/// Words that deny what stands after them.
pub(super) fn is_cue(word: &str) -> bool {
    matches!(
        word,
        "not"
            | "no"
            | "nor"
            | "never"
            | "none"
            | "neither"
            | "without"
            | "cannot"
            | "non"
            | "lack"
            | "lacks"
            | "lacked"
            | "lacking"
            | "fail"
            | "fails"
            | "failed"
            | "failing"
            | "failure"
            | "absence"
            | "unable"
            | "hardly"
            | "rarely"
            | "scarcely"
            | "nobody"
            | "nothing"
    ) || word.ends_with("n't")
}

/// Cues that belong to a verb: their reach does not end at another.
pub(super) fn denies_verbs(word: &str) -> bool {
    matches!(word, "not" | "never" | "cannot" | "hardly" | "rarely" | "scarcely" | "unable")
        || word.starts_with("fail")
        || word.ends_with("n't")
}

/// Finite auxiliaries: the subject's noun phrase ends before them.
pub(super) fn is_auxiliary(word: &str) -> bool {
    matches!(
        word,
        "is" | "are"
            | "was"
            | "were"
            | "has"
            | "have"
            | "had"
            | "do"
            | "does"
            | "did"
            | "can"
            | "could"
            | "may"
            | "might"
            | "will"
            | "would"
            | "should"
            | "must"
    )
}

/// Words that take something away without denying it grammatically.
pub(super) fn takes_away(word: &str) -> bool {
    const AWAY: &[&str] = &[
        "knockout", "defici", "null", "delet", "loss", "deplet", "ablat", "silenc", "abrogat", "remov", "lack", "absen",
    ];
    AWAY.iter().any(|start| word.starts_with(start))
}

/// Conjunctions at which the reach of a cue ends.
pub(super) fn opens_clause(word: &str) -> bool {
    matches!(word, "but" | "whereas" | "while" | "although" | "though" | "however" | "because" | "which" | "yet")
}

/// The value of a spelled number, up to ninety.
pub(super) fn spelled(word: &str) -> Option<u32> {
    const SMALL: &[&str] = &[
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: &[&str] = &["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let at = |list: &[&str]| list.iter().position(|entry| *entry == word).and_then(|at| u32::try_from(at).ok());
    at(SMALL).or_else(|| at(TENS).map(|at| (at + 2) * 10))
}

/// Zeros that a word after a number adds to it.
pub(super) fn multiplier(word: &str) -> Option<usize> {
    match word {
        "hundred" => Some(2),
        "thousand" => Some(3),
        "million" => Some(6),
        "billion" => Some(9),
        _ => None,
    }
}

/// The unit that a word after a number names, in one form.
pub(super) fn unit(word: &str) -> Option<&'static str> {
    const UNITS: &[(&str, &[&str])] = &[
        ("%", &["percent", "per cent", "pct"]),
        ("year", &["year", "years", "yr", "yrs", "y"]),
        ("month", &["month", "months"]),
        ("week", &["week", "weeks", "wk", "wks"]),
        ("day", &["day", "days", "d"]),
        ("hour", &["hour", "hours", "h", "hr", "hrs"]),
        ("minute", &["minute", "minutes", "min", "mins"]),
        ("second", &["second", "seconds", "s", "sec"]),
        ("ms", &["ms", "millisecond", "milliseconds"]),
        ("kg", &["kg", "kilogram", "kilograms"]),
        ("g", &["g", "gram", "grams"]),
        ("mg", &["mg", "milligram", "milligrams"]),
        ("ug", &["ug", "µg", "μg", "microgram", "micrograms"]),
        ("ng", &["ng"]),
        ("l", &["l", "litre", "litres", "liter", "liters"]),
        ("ml", &["ml"]),
        ("km", &["km"]),
        ("cm", &["cm"]),
        ("mm", &["mm"]),
        ("um", &["um", "µm", "μm"]),
        ("nm", &["nm"]),
        ("fold", &["fold", "times"]),
        ("kda", &["kda"]),
        ("kb", &["kb"]),
        ("bp", &["bp"]),
        ("hz", &["hz"]),
        ("khz", &["khz"]),
        ("mhz", &["mhz"]),
        ("ghz", &["ghz"]),
        ("mmhg", &["mmhg"]),
    ];
    UNITS.iter().find(|(_, forms)| forms.contains(&word)).map(|(unit, _)| *unit)
}

/// The pairs: words of the one end, words of the other. A word stands in one pair only. More and less go with
/// furthering and hindering: "inhibits growth" and "increases growth" exclude each other.
const PAIRS: &[(&str, &str)] = &[
    (
        "increase raise rise elevate elevation high higher highest heighten more most greater greatest large larger \
         largest enhance augment upregulate boost amplify grow growth expand expansion accumulate exceed above over \
         gain potentiate intensify maximum maximal maximize up upward longer prolong extend lengthen \
         activate activation induce induction promote stimulate enable trigger facilitate cause agonist encourage permit allow",
        "decrease reduce reduction lower lowest low less least fewer fewest small smaller smallest decline diminish \
         downregulate attenuate drop fall loss lose deplete depletion shrink minimum minimal minimize down downward \
         shorter shorten lessen below under dampen blunt lowering decrement \
         inhibit inhibition inactivate suppress suppression block prevent prevention impede repress repression abolish antagonist abrogate hinder antagonize disrupt inhibitor suppressor preclude discourage prohibit forbid",
    ),
    (
        "improve improvement better best benefit beneficial superior favorable favourable advantage ameliorate alleviate \
         protective protect protects good",
        "worsen worse worst impair impairment deteriorate deterioration detrimental harmful harm inferior poor poorer \
         unfavorable unfavourable disadvantage aggravate exacerbate damage adverse bad",
    ),
    ("positive positively", "negative negatively inverse inversely"),
    ("significant significantly", "insignificant insignificantly nonsignificant"),
    ("present presence", "absent"),
    (
        "same similar similarly identical equal equally alike",
        "different differently differ distinct dissimilar unequal unlike",
    ),
    ("sensitive sensitivity susceptible susceptibility", "resistant resistance insensitive insensitivity refractory"),
    ("early earlier earliest", "late later latest"),
    ("before prior preceding precede", "after following follow subsequent"),
    ("upstream", "downstream"),
    ("male males man men boy boys", "female females woman women girl girls"),
    ("young younger youngest", "old older oldest elderly"),
    ("acute acutely", "chronic chronically"),
    ("likely probable", "unlikely improbable"),
    ("able capable", "incapable"),
    ("effective effectively efficacious", "ineffective ineffectively"),
    ("dependent dependently", "independent independently"),
    ("safe safely", "unsafe toxic dangerous"),
    ("strong strongly stronger strongest robust", "weak weakly weaker weakest"),
    (
        "fast faster rapid rapidly quick quickly quicker accelerate",
        "slow slowly slower gradual gradually decelerate delay",
    ),
    ("outperform", "underperform"),
    ("accept acceptance", "reject rejection"),
    ("include inclusion", "exclude exclusion"),
    ("always", "occasionally seldom"),
    ("many numerous frequent frequently common commonly often", "few infrequent infrequently rare uncommon"),
    ("necessary required essential", "unnecessary dispensable"),
    ("sufficient adequate", "insufficient inadequate"),
    ("stable stability", "unstable instability"),
    ("reversible", "irreversible"),
    ("homozygous", "heterozygous"),
    ("intracellular", "extracellular"),
    ("internal inner", "external outer"),
    ("majority", "minority"),
    ("normal normally", "abnormal abnormally aberrant"),
    ("primary", "secondary"),
    ("simple easy", "complex difficult"),
    ("deep", "shallow"),
    ("left", "right"),
    ("anterior", "posterior"),
    ("proximal", "distal"),
    ("maternal mother mothers", "paternal father fathers"),
    ("prospective prospectively", "retrospective retrospectively"),
    ("benign", "malignant"),
    ("pro", "anti"),
    ("true correct accurate", "false incorrect inaccurate wrong"),
    ("confirm support", "refute contradict disprove"),
    ("start begin onset", "end stop cease"),
    ("supervised", "unsupervised"),
    ("live alive survive survival", "dead die death mortality"),
    ("healthy", "diseased sick ill"),
];

static POLES: LazyLock<HashMap<String, Pole>> = LazyLock::new(|| {
    let mut poles = HashMap::new();
    for (pair, (up, down)) in (0..).zip(PAIRS) {
        for (words, up) in [(up, true), (down, false)] {
            for word in words.split_whitespace() {
                poles.entry(word.to_owned()).or_insert(Pole { pair, up });
                poles.entry(chat::text::stem(word).into_owned()).or_insert(Pole { pair, up });
            }
        }
    }
    poles
});

/// The end of a pair that a word names, in itself or by its stem.
pub(super) fn pole(lower: &str, stem: &str) -> Option<Pole> {
    POLES.get(lower).or_else(|| POLES.get(stem)).copied()
}

/// Whether one word is the other behind a prefix that turns its meaning round, or both differ in such prefixes alone.
pub(super) fn turned(one: &str, two: &str) -> bool {
    const TURNS: &[&str] = &["un", "in", "im", "ir", "il", "non", "dis", "de", "mis", "anti", "contra", "a"];
    const SWAPS: &[(&str, &str)] = &[
        ("hyper", "hypo"),
        ("up", "down"),
        ("intra", "extra"),
        ("over", "under"),
        ("in", "ex"),
        ("as", "dis"),
        ("well", "ill"),
    ];
    let (short, long) = if one.len() <= two.len() { (one, two) } else { (two, one) };
    if short.len() >= 4 && TURNS.iter().any(|prefix| long.strip_prefix(prefix) == Some(short)) {
        return true;
    }
    SWAPS.iter().any(|(left, right)| {
        let rests = |a: &str, b: &str| matches!((one.strip_prefix(a), two.strip_prefix(b)), (Some(x), Some(y)) if x == y && x.len() >= 3);
        rests(left, right) || rests(right, left)
    })
}
