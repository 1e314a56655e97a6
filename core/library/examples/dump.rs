//! Shows what a reader makes of a file.
fn main() {
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).unwrap();
        let t = std::time::Instant::now();
        match library::read(&path, &bytes, &library::Limits::default()) {
            Err(e) => println!("## {path}: {e}"),
            Ok(r) => {
                println!("## {path}: {} drafts, {} refused in {:?}", r.drafts.len(), r.refused.len(), t.elapsed());
                for f in r.refused.iter().take(20) { println!("  refused {}: {}", f.fragment, f.error); }
                for d in r.drafts.into_iter().take(std::env::var("N").ok().and_then(|n| n.parse().ok()).unwrap_or(3)) {
                    println!("# {:?} {:?} {:?} {:?}\n{:?} lic={:?} frag={:?} retr={} keys={:?}", d.title, d.authors, d.year, d.venue, d.identifiers, d.license, d.fragment, d.retracted, d.keys());
                    let mut doc = d.into_document("community:lab".parse().unwrap(), &path, "x");
                    println!("lang={:?} pages={:?}", doc.language, doc.pages);
                    let s = std::mem::take(&mut doc.sections);
                    let mut last = 0;
                    for (at, h) in s.iter().chain([&(doc.text.len(), String::new())]) { println!("{}\n===[p{:?} {h}]", &doc.text[last..*at], doc.page_at(*at)); last = *at; }
                }
            }
        }
    }
}
