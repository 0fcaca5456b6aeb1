//! Sheets of paper that fill from the top: paragraphs, tables, lines to sign on.
//!
//! In: text with its style, rows. Out: pages as lists of what is drawn where, and the tree of what each part is (heading, row, cell), for
//! readers that read aloud. Breaks to a new sheet by itself, where a table's head is repeated; never splits a row.

use super::fonts::{Fonts, Weight};
use super::shape::width;
use super::tree::{Part, Tree};
use super::wrap::wrap;

/// US Letter, points.
pub(super) const WIDTH: f32 = 612.0;
/// Its height.
pub(super) const HEIGHT: f32 = 792.0;
/// White at the sides.
pub(super) const MARGIN: f32 = 54.0;
/// Where the foot begins.
const BOTTOM: f32 = HEIGHT - 64.0;
/// Width of what is written.
pub(super) const MEASURE: f32 = WIDTH - 2.0 * MARGIN;

/// How text looks.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) size: f32,
    pub(super) leading: f32,
    pub(super) weight: Weight,
    pub(super) grey: bool,
}

pub(super) const TITLE: Style = Style { size: 18.0, leading: 23.0, weight: Weight::Bold, grey: false };
pub(super) const HEADING: Style = Style { size: 12.0, leading: 16.0, weight: Weight::Bold, grey: false };
pub(super) const BODY: Style = Style { size: 9.5, leading: 13.5, weight: Weight::Regular, grey: false };
pub(super) const STRONG: Style = Style { weight: Weight::Bold, ..BODY };
pub(super) const SMALL: Style = Style { size: 8.0, leading: 11.0, weight: Weight::Regular, grey: true };
pub(super) const HEAD: Style = Style { weight: Weight::Bold, ..SMALL };

/// Something that is drawn.
pub(super) enum Drawn {
    /// One line of text; `leaf`: its place in the tree, nothing for what only repeats.
    Line { x: f32, base: f32, style: Style, text: String, leaf: Option<usize> },
    /// A rule.
    Rule { x: f32, y: f32, width: f32, strong: bool },
}

/// A column of a table.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) width: f32,
    /// Its figures stand at its right edge.
    pub(super) right: bool,
}

/// A cell.
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) strong: bool,
}

pub(super) struct Paper<'a> {
    fonts: &'a Fonts,
    pub(super) pages: Vec<Vec<Drawn>>,
    pub(super) tree: Tree,
    y: f32,
    leaves: usize,
}

impl<'a> Paper<'a> {
    pub(super) fn new(fonts: &'a Fonts) -> Self {
        Self { fonts, pages: vec![Vec::new()], tree: Tree::new(Part::Document), y: MARGIN, leaves: 0 }
    }

    /// How many leaves the tree has.
    pub(super) const fn leaves(&self) -> usize {
        self.leaves
    }

    /// White.
    pub(super) const fn skip(&mut self, height: f32) {
        self.y += height;
    }

    /// A new sheet, where so much does not fit on this one.
    pub(super) fn need(&mut self, height: f32) -> bool {
        let fits = self.y + height <= BOTTOM;
        if !fits {
            self.pages.push(Vec::new());
            self.y = MARGIN;
        }
        !fits
    }

    /// How high a paragraph is.
    pub(super) fn height(&self, style: Style, text: &str) -> f32 {
        let lines = wrap(self.fonts, style.weight, text, MEASURE / style.size).len();
        #[expect(clippy::cast_precision_loss, reason = "lines of a paragraph")]
        let lines = lines as f32;
        style.leading * lines
    }

    /// A new sheet, unless nothing is on this one.
    pub(super) fn turn(&mut self) {
        if self.y > MARGIN {
            self.need(HEIGHT);
        }
    }

    /// A paragraph over the whole width.
    pub(super) fn paragraph(&mut self, part: Part, style: Style, text: &str) {
        let mut tree = Tree::new(part);
        for line in wrap(self.fonts, style.weight, text, MEASURE / style.size) {
            self.need(style.leading);
            let leaf = self.line(MARGIN, self.y, style, line);
            tree.leaf(leaf);
            self.y += style.leading;
        }
        self.tree.push(tree);
    }

    /// Pairs of what something is and what it is of, three beside each other.
    pub(super) fn facts(&mut self, facts: &[(&str, String)]) {
        const BESIDE: usize = 3;
        let column = MEASURE / 3.0;
        for group in facts.chunks(BESIDE) {
            let wrapped: Vec<Vec<String>> = group
                .iter()
                .map(|(_, of)| wrap(self.fonts, STRONG.weight, of, (column - 12.0) / STRONG.size))
                .collect();
            let lines = wrapped.iter().map(Vec::len).max().unwrap_or(1);
            #[expect(clippy::cast_precision_loss, reason = "lines of a paragraph")]
            let height = SMALL.leading + STRONG.leading * lines as f32 + 8.0;
            self.need(height);
            let (top, mut x) = (self.y, MARGIN);
            for ((name, _), lines) in group.iter().zip(wrapped) {
                let mut tree = Tree::new(Part::Paragraph);
                tree.leaf(self.line(x, top, SMALL, format!("{name}: ").trim_end().to_owned()));
                let mut y = top + SMALL.leading;
                for line in lines {
                    tree.leaf(self.line(x, y, STRONG, line));
                    y += STRONG.leading;
                }
                self.tree.push(tree);
                x += column;
            }
            self.y = top + height;
        }
    }

    /// A table; its head stands on each of its sheets.
    pub(super) fn table(&mut self, columns: &[Column], rows: &[Vec<Cell>]) {
        let mut tree = Tree::new(Part::Table);
        self.need(HEAD.leading + BODY.leading * 4.0);
        let head = self.head(columns, true);
        let mut head_part = Tree::new(Part::TableHead);
        head_part.push(head);
        tree.push(head_part);
        let mut body = Tree::new(Part::TableBody);
        for row in rows {
            let cells: Vec<Vec<String>> = row
                .iter()
                .zip(columns)
                .map(|(cell, column)| {
                    wrap(self.fonts, weight(cell), &cell.text, (column.width - 8.0) / BODY.size)
                })
                .collect();
            let lines = cells.iter().map(Vec::len).max().unwrap_or(1);
            #[expect(clippy::cast_precision_loss, reason = "lines of a cell")]
            let height = BODY.leading * lines as f32 + 8.0;
            if self.need(height) {
                self.head(columns, false);
            }
            self.rule(MARGIN, self.y, MEASURE, false);
            let (top, mut x) = (self.y + 4.0, MARGIN);
            let mut row_part = Tree::new(Part::Row);
            for ((cell, lines), column) in row.iter().zip(cells).zip(columns) {
                let style = Style { weight: weight(cell), ..BODY };
                let mut part = Tree::new(Part::Data);
                let mut y = top;
                for line in lines {
                    let at = self.at(x, column, style, &line);
                    part.leaf(self.line(at, y, style, line));
                    y += style.leading;
                }
                row_part.push(part);
                x += column.width;
            }
            body.push(row_part);
            self.y += height;
        }
        self.rule(MARGIN, self.y, MEASURE, false);
        tree.push(body);
        self.tree.push(tree);
    }

    /// Lines to sign on, each with what stands below it, on one sheet with what comes after them and is so high: nobody signs a sheet
    /// whose words go on behind it, and no sheet is left to a last word.
    pub(super) fn signatures(&mut self, below: &[&str], after: f32) {
        self.need(64.0 + after);
        self.y += 40.0;
        #[expect(clippy::cast_precision_loss, reason = "a few lines")]
        let column = MEASURE / below.len().max(1) as f32;
        let mut x = MARGIN;
        for words in below {
            self.rule(x, self.y, column - 18.0, true);
            let mut tree = Tree::new(Part::Paragraph);
            tree.leaf(self.line(x, self.y + 3.0, SMALL, (*words).to_owned()));
            self.tree.push(tree);
            x += column;
        }
        self.y += 24.0;
    }

    /// A rule.
    pub(super) fn rule(&mut self, x: f32, y: f32, width: f32, strong: bool) {
        self.draw(Drawn::Rule { x, y, width, strong });
    }

    /// A strong rule over the whole width, here.
    pub(super) fn divide(&mut self) {
        self.rule(MARGIN, self.y, MEASURE, true);
    }

    fn head(&mut self, columns: &[Column], first: bool) -> Tree {
        let mut row = Tree::new(Part::Row);
        let mut x = MARGIN;
        for column in columns {
            let at = self.at(x, column, HEAD, column.name);
            let text = column.name.to_owned();
            if first {
                let mut cell = Tree::new(Part::ColumnHead);
                cell.leaf(self.line(at, self.y, HEAD, text));
                row.push(cell);
            } else {
                let base = self.y + HEAD.size;
                self.draw(Drawn::Line { x: at, base, style: HEAD, text, leaf: None });
            }
            x += column.width;
        }
        self.y += HEAD.leading + 4.0;
        row
    }

    fn at(&self, x: f32, column: &Column, style: Style, text: &str) -> f32 {
        if !column.right {
            return x;
        }
        x + column.width - width(self.fonts, style.weight, text) * style.size
    }

    fn line(&mut self, x: f32, top: f32, style: Style, text: String) -> usize {
        let leaf = self.leaves;
        self.leaves += 1;
        self.draw(Drawn::Line { x, base: top + style.size, style, text, leaf: Some(leaf) });
        leaf
    }

    fn draw(&mut self, drawn: Drawn) {
        if let Some(page) = self.pages.last_mut() {
            page.push(drawn);
        }
    }
}

const fn weight(cell: &Cell) -> Weight {
    if cell.strong { Weight::Bold } else { Weight::Regular }
}
