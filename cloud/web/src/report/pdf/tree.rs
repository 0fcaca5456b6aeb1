//! What the parts of a document are, for readers that read aloud and for search.
//!
//! In: parts with the lines of text that they hold. Out: the tree of a tagged PDF.

use std::num::NonZeroU16;

use krilla::tagging::{Identifier, Node, TableHeaderScope, Tag, TagGroup, TagKind, TagTree};

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Document,
    Title,
    Heading,
    Paragraph,
    Table,
    TableHead,
    TableBody,
    Row,
    ColumnHead,
    Data,
}

/// A part with what is in it.
pub(super) struct Tree {
    part: Part,
    children: Vec<Child>,
}

enum Child {
    Part(Tree),
    Leaf(usize),
}

impl Tree {
    pub(super) const fn new(part: Part) -> Self {
        Self { part, children: Vec::new() }
    }

    pub(super) fn push(&mut self, child: Self) {
        self.children.push(Child::Part(child));
    }

    pub(super) fn leaf(&mut self, leaf: usize) {
        self.children.push(Child::Leaf(leaf));
    }

    /// As the file has it; `drawn`: what was drawn for each leaf.
    pub(super) fn tagged(&self, drawn: &mut [Option<Identifier>]) -> TagTree {
        let mut tree = TagTree::new().with_lang(Some("en-US".to_owned()));
        for child in &self.children {
            if let Some(node) = child.node(drawn) {
                tree.push(node);
            }
        }
        tree
    }
}

impl Child {
    fn node(&self, drawn: &mut [Option<Identifier>]) -> Option<Node> {
        match self {
            // Each leaf is in one place of the tree.
            Self::Leaf(leaf) => drawn.get_mut(*leaf)?.take().map(Node::Leaf),
            Self::Part(tree) => {
                let mut group = TagGroup::new(tree.part.tag());
                for child in &tree.children {
                    if let Some(node) = child.node(drawn) {
                        group.push(node);
                    }
                }
                Some(Node::Group(group))
            }
        }
    }
}

impl Part {
    fn tag(self) -> TagKind {
        let heading = |level: u16| Tag::Hn(NonZeroU16::new(level).unwrap_or(NonZeroU16::MIN), None).into();
        match self {
            Self::Document => Tag::Part.into(),
            Self::Title => heading(1),
            Self::Heading => heading(2),
            Self::Paragraph => Tag::P.into(),
            Self::Table => Tag::Table.into(),
            Self::TableHead => Tag::THead.into(),
            Self::TableBody => Tag::TBody.into(),
            Self::Row => Tag::TR.into(),
            Self::ColumnHead => Tag::TH(TableHeaderScope::Column).into(),
            Self::Data => Tag::TD.into(),
        }
    }
}
