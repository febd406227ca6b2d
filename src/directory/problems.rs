use crate::telemetry::legible;

const MOST: usize = 50;

/// What is odd about an answer, each in a sentence that fits in a line.
#[derive(Debug, Default)]
pub(super) struct Problems {
    sentences: Vec<String>,
    more: usize,
}

impl Problems {
    pub(super) fn push(&mut self, sentence: &str) {
        if self.sentences.len() < MOST {
            self.sentences.push(legible(sentence));
        } else {
            self.more += 1;
        }
    }

    pub(super) fn into_sentences(mut self) -> Vec<String> {
        if self.more > 0 {
            self.sentences.push(format!("and {} more", self.more));
        }
        self.sentences
    }
}
