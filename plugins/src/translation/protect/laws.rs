//! Laws of protection, over random mixes of all that is protected and words of five scripts.

use proptest::prelude::*;

use super::*;

const WORDS: &[&str] = &[
    "model",
    "und",
    "größer",
    "модель",
    "данные",
    "是",
    "模型很好。",
    "基因",
    "نموذج",
    "البيانات،",
    "मॉडल",
    "है।",
    "works.",
    "(so)",
    "why?",
    "\n\n",
    "—",
    "⟦",
    "⟧",
    "3",
    "x",
    "\\",
    "`",
    "$",
    "*",
    "é",
    "\u{301}",
    "\u{feff}",
    "[",
    "]",
    "<",
    "@",
];
const KEPT: &[&str] = &[
    "$x_i$",
    "$$a\\$b$$",
    r"\(x\)",
    r"\[y\]",
    "\\begin{align}a&b\\end{align}",
    "`a b`",
    "``c`d``",
    "\n```\nx\n```\n",
    "https://a.example/x_(y)",
    "ana@uni.example",
    "[12]",
    "[1, 3-5]",
    r"\citep{a}",
    "(Smith et al., 2020)",
    "[@key]",
    "10.1000/x1",
    "arXiv:1706.03762",
    "<@12>",
    "<#1>",
    "<:name:1>",
    "@ana:uni.example",
    "#room:uni.example",
    "@ana",
    "12.5 kg",
    "3×10^-5 mol/L",
    "95 %",
    "१२.५ kg",
    "٣٫٥",
    "BRCA1",
    "C6H12O6",
    "NaCl",
    "GPT-4",
    "snake_case",
    "main.rs",
    "v1.2.3",
    "](https://a.example)",
    "<br/>",
    "attention head",
    "X1X",
    "⟦1⟧",
    "[[2]]",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![proptest::sample::select(WORDS), proptest::sample::select(KEPT)];
    let glue = proptest::sample::select(vec![" ", " ", " ", "", "\n"]);
    proptest::collection::vec((piece, glue), 0..24)
        .prop_map(|pieces| pieces.into_iter().flat_map(|(piece, glue)| [piece, glue]).collect())
}

fn form() -> impl Strategy<Value = Option<Form>> {
    proptest::sample::select(vec![None, Some(Form::Brackets), Some(Form::Letters)])
}

fn masked(text: &str, form: Option<Form>) -> Masked {
    let spans = spans(text, &["attention head"]);
    match form {
        Some(form) => Masked::with_form(text, spans, form),
        None => Masked::new(text, spans),
    }
}

/// What may come of a text that lost nothing: every span is kept byte for byte, each at its own place.
fn assert_kept(masked: &Masked, restored: &Translated) {
    let mut end = 0;
    let mut sources: Vec<Range<usize>> = Vec::new();
    for kept in restored.kept() {
        assert!(end <= kept.at.start, "kept pieces overlap");
        assert_eq!(restored.text()[kept.at.clone()], masked.source[kept.source.clone()]);
        end = kept.at.end;
        sources.push(kept.source.clone());
    }
    sources.sort_by_key(|range| range.start);
    let spans: Vec<Range<usize>> = masked.spans().iter().map(|span| span.range.clone()).collect();
    assert_eq!(sources, spans);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn spans_are_sorted_and_on_borders(text in text(), noise in ".{0,40}") {
        for text in [text, noise] {
            let mut end = 0;
            for span in spans(&text, &["attention head"]) {
                prop_assert!(end <= span.range.start && span.range.start < span.range.end);
                prop_assert!(text.get(span.range.clone()).is_some());
                end = span.range.end;
            }
        }
    }

    #[test]
    fn what_is_not_touched_comes_back_whole(text in text(), form in form()) {
        let masked = masked(&text, form);
        let restored = masked.restored(masked.text()).expect("nothing was lost");
        assert_kept(&masked, &restored);
        prop_assert_eq!(restored.text(), &text);
        prop_assert_eq!(verify(&text, masked.spans(), restored.text()), Ok(()));
    }

    #[test]
    fn damage_loses_nothing_in_silence(
        text in text(),
        form in form(),
        places in proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..9), 0..6),
    ) {
        let masked = masked(&text, form);
        let mut signs: Vec<char> = masked.text().chars().collect();
        for (place, what) in places {
            if signs.is_empty() {
                break;
            }
            let at = place.index(signs.len());
            match what {
                0 | 1 => signs.insert(at, ' '),
                2 => drop(signs.remove(at)),
                3 => signs[at] = signs[at].to_lowercase().next().unwrap_or(' '),
                4 => signs.swap(at, 0),
                5 => {
                    let mut words: Vec<String> = String::from_iter(&signs).split(' ').map(str::to_owned).collect();
                    let half = words.len() / 2;
                    words.rotate_left(half);
                    signs = words.join(" ").chars().collect();
                }
                6 => signs.insert(at, '1'),
                7 => signs.insert(at, '⟧'),
                _ => signs.insert(at, signs[at]),
            }
        }
        let damaged = String::from_iter(&signs);
        for result in [masked.restored(&damaged), masked.repair(&damaged)] {
            match result {
                Ok(restored) => assert_kept(&masked, &restored),
                Err(broken) => {
                    prop_assert!(!broken.missing.is_empty());
                    for missing in broken.missing {
                        prop_assert_eq!(&masked.spans()[missing.number - 1].range, &missing.range);
                    }
                }
            }
        }
    }

    #[test]
    fn any_text_at_all_is_restored_or_broken(text in text(), form in form(), answer in "[⟦⟧\\[\\]Xx0-9 a-z]{0,60}") {
        let masked = masked(&text, form);
        if let Ok(restored) = masked.repair(&answer) {
            assert_kept(&masked, &restored);
        }
    }
}
