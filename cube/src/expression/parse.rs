//! From text to expression, by recursive descent.

use super::{Expression, ExpressionError, Operand, Operator};
use crate::limits::{EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX};

/// Reads an expression over names of measures and context values.
pub(crate) fn parse(text: &str) -> Result<Expression<String>, ExpressionError> {
    let mut parser = Parser { text, offset: 0 };
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(ExpressionError {
            position: 1,
            message: format!("the expression has {} bytes; it may have {EXPRESSION_BYTES_MAX}", text.len()),
        });
    }
    let (expression, _) = parser.sum(0)?;
    match parser.peek() {
        None => Ok(expression),
        Some(')') => Err(parser.mistake("there is no parenthesis that this one closes")),
        Some(_) => Err(parser.mistake("expected an operator (+ - * /) or the end")),
    }
}

struct Parser<'a> {
    text: &'a str,
    /// In bytes, at the start of a character.
    offset: usize,
}

/// An expression and how deep it is.
type Parsed = Result<(Expression<String>, usize), ExpressionError>;

impl Parser<'_> {
    fn sum(&mut self, depth: usize) -> Parsed {
        self.chain(depth, Self::product, |character| match character {
            '+' => Some(Operator::Plus),
            '-' | '−' => Some(Operator::Minus),
            _ => None,
        })
    }

    fn product(&mut self, depth: usize) -> Parsed {
        self.chain(depth, Self::factor, |character| match character {
            '*' | '×' => Some(Operator::Times),
            '/' | '÷' => Some(Operator::Over),
            _ => None,
        })
    }

    /// Operands with operators between them, from left to right.
    fn chain(
        &mut self,
        depth: usize,
        operand: impl Fn(&mut Self, usize) -> Parsed,
        operator: impl Fn(char) -> Option<Operator>,
    ) -> Parsed {
        let (mut left, mut height) = operand(self, depth)?;
        while let Some(operator) = self.peek().and_then(&operator) {
            self.advance();
            let (right, right_height) = operand(self, depth)?;
            left = Expression::Combined { operator, left: Box::new(left), right: Box::new(right) };
            height = self.deeper(height.max(right_height))?;
        }
        Ok((left, height))
    }

    fn factor(&mut self, depth: usize) -> Parsed {
        match self.peek() {
            Some('-' | '−') => {
                let depth = self.deeper(depth)?;
                self.advance();
                let (inner, height) = self.factor(depth)?;
                Ok((Expression::Negated(Box::new(inner)), self.deeper(height)?))
            }
            Some('(') => {
                let depth = self.deeper(depth)?;
                let open = self.offset;
                self.advance();
                let inner = self.sum(depth)?;
                match self.peek() {
                    Some(')') => self.advance(),
                    Some(_) => return Err(self.mistake("expected an operator (+ - * /) or a closing parenthesis")),
                    None => return Err(self.mistake_at(open, "this parenthesis is never closed")),
                }
                Ok(inner)
            }
            Some('[') => Ok((Expression::Operand(Operand::Measure(self.name(']', "a measure")?)), 1)),
            Some('{') => Ok((Expression::Operand(Operand::Value(self.name('}', "a context value")?)), 1)),
            Some('0'..='9' | '.') => Ok((Expression::Number(self.number()?), 1)),
            Some(_) => Err(self.mistake(
                "expected a number, a measure in brackets as in [Quantity.SUM], a context value in braces as in \
                     {discount}, or a parenthesis",
            )),
            None => Err(self.mistake("the expression ends where a number, a measure or a parenthesis is expected")),
        }
    }

    /// What is between brackets or braces, the closing one being written twice within.
    fn name(&mut self, close: char, of: &str) -> Result<String, ExpressionError> {
        let open = self.offset;
        self.advance();
        let mut name = String::new();
        loop {
            let rest = self.rest();
            let Some(end) = rest.find(close) else {
                return Err(self.mistake_at(open, &format!("there is no {close} that closes this one")));
            };
            name.push_str(rest.get(..end).unwrap_or_default());
            self.offset += end + 1;
            if !self.rest().starts_with(close) {
                break;
            }
            name.push(close);
            self.offset += 1;
        }
        if name.is_empty() { Err(self.mistake_at(open, &format!("{of} has a name"))) } else { Ok(name) }
    }

    fn number(&mut self) -> Result<f64, ExpressionError> {
        let start = self.offset;
        let digits = |parser: &mut Self| {
            let count = parser.rest().bytes().take_while(u8::is_ascii_digit).count();
            parser.offset += count;
            count
        };
        let mut count = digits(self);
        if self.rest().starts_with('.') {
            self.offset += 1;
            count += digits(self);
        }
        if self.rest().starts_with(['e', 'E']) {
            self.offset += 1;
            if self.rest().starts_with(['+', '-']) {
                self.offset += 1;
            }
            count = count.min(digits(self));
        }
        let number = self.text.get(start..self.offset).and_then(|text| text.parse::<f64>().ok());
        match number.filter(|number| count > 0 && number.is_finite()) {
            Some(number) => Ok(number),
            None => Err(self.mistake_at(start, "this is not a number")),
        }
    }

    /// The next character that is not a blank.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        self.offset += rest.len() - rest.trim_start().len();
        self.rest().chars().next()
    }

    fn advance(&mut self) {
        self.offset += self.rest().chars().next().map_or(0, char::len_utf8);
    }

    fn rest(&self) -> &str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    fn deeper(&self, depth: usize) -> Result<usize, ExpressionError> {
        if depth < EXPRESSION_DEPTH_MAX {
            Ok(depth + 1)
        } else {
            Err(self.mistake(&format!("the expression is more than {EXPRESSION_DEPTH_MAX} operators deep")))
        }
    }

    fn mistake(&self, message: &str) -> ExpressionError {
        self.mistake_at(self.offset, message)
    }

    fn mistake_at(&self, offset: usize, message: &str) -> ExpressionError {
        let position = self.text.get(..offset).map_or(0, |before| before.chars().count()) + 1;
        ExpressionError { position, message: message.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;

    fn expression() -> impl Strategy<Value = Expression<String>> {
        let leaf = prop_oneof![
            "[a-z\\[\\] é.]{1,4}".prop_map(|name| Expression::Operand(Operand::Measure(name))),
            "[a-z{} é.]{1,4}".prop_map(|name| Expression::Operand(Operand::Value(name))),
            (0..1_000_000_u32).prop_map(|number| Expression::Number(f64::from(number) / 128.0)),
            (0.0..1e290_f64).prop_map(Expression::Number),
        ];
        leaf.prop_recursive(6, 40, 2, |inner| {
            let operators = vec![Operator::Plus, Operator::Minus, Operator::Times, Operator::Over];
            prop_oneof![
                inner.clone().prop_map(|inner| Expression::Negated(Box::new(inner))),
                (select(operators), inner.clone(), inner).prop_map(|(operator, left, right)| Expression::Combined {
                    operator,
                    left: Box::new(left),
                    right: Box::new(right)
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_expression_is_read_as_it_is_written(expression in expression()) {
            prop_assert_eq!(parse(&expression.to_string()), Ok(expression));
        }

        #[test]
        fn any_text_is_an_expression_or_a_mistake_within_it(text in "[-+*/()\\[\\]{}0-9.eE a×÷−é]{0,20}|\\PC{0,20}") {
            match parse(&text) {
                Ok(expression) => prop_assert_eq!(parse(&expression.to_string()), Ok(expression)),
                Err(mistake) => prop_assert!((1..=text.chars().count() + 1).contains(&mistake.position)),
            }
        }
    }

    fn tree(text: &str) -> String {
        fn nested(expression: &Expression<String>) -> String {
            match expression {
                Expression::Number(number) => number.to_string(),
                Expression::Operand(Operand::Measure(name) | Operand::Value(name)) => name.clone(),
                Expression::Negated(inner) => format!("(- {})", nested(inner)),
                Expression::Combined { operator, left, right } => {
                    format!("({} {} {})", operator.symbol(), nested(left), nested(right))
                }
            }
        }
        nested(&parse(text).unwrap())
    }

    #[test]
    fn products_bind_tighter_than_sums_and_both_go_from_left_to_right() {
        assert_eq!(tree("[a]-[b]-[c]"), "(- (- a b) c)");
        assert_eq!(tree("[a] + [b] × 2 ÷ [c]"), "(+ a (/ (* b 2) c))");
        assert_eq!(tree("-[a] * -(2.5e1 − [b])"), "(* (- a) (- (- 25 b)))");
        assert_eq!(tree("[a [%]]]/[b]]c]"), "(/ a [%] b]c)");
        assert_eq!(tree("[a] * {b}}c}"), "(* a b}c)");
    }

    #[test]
    fn a_mistake_tells_where_it_is() {
        let mistake = |text: &str| parse(text).unwrap_err().to_string();
        assert!(mistake("").ends_with("is expected at character 1"));
        assert!(mistake("[é] + ").ends_with("is expected at character 7"));
        assert_eq!(mistake("([a] + 1"), "this parenthesis is never closed at character 1");
        assert_eq!(mistake("1 + [a"), "there is no ] that closes this one at character 5");
        assert_eq!(mistake("1 + {a"), "there is no } that closes this one at character 5");
        assert_eq!(mistake("1 + []"), "a measure has a name at character 5");
        assert_eq!(mistake("[a] 2"), "expected an operator (+ - * /) or the end at character 5");
        assert_eq!(mistake("[a])"), "there is no parenthesis that this one closes at character 4");
        assert!(mistake("Quantity.SUM").contains("in brackets as in [Quantity.SUM]"));
        for number in ["1e", ".", "1e999", "1.e+"] {
            assert_eq!(mistake(number), "this is not a number at character 1", "{number}");
        }
    }

    #[test]
    fn an_expression_is_neither_too_deep_nor_too_long() {
        for deep in ["(", "-", "1+", "[a]*("] {
            assert!(parse(&deep.repeat(1000)).unwrap_err().message.contains("operators deep"), "{deep}");
        }
        assert!(parse(&" ".repeat(EXPRESSION_BYTES_MAX + 1)).unwrap_err().message.contains("bytes"));
    }
}
