/// The name of a Swift function as people write it: `Task.schedule` for `$e4Main4TaskO8scheduleyyFZ`.
///
/// Swift docs/ABI/Mangling.rst, "Globals", "Identifiers", "Types". What stands in front of a function's signature is read, the names of
/// its types and its own, and nothing of what follows: labels, types, specialisations.
///
/// Not modelled: operators, names in Punycode, and what is no function, accessor or initialiser (thunks of the compiler's, metadata): they
/// keep their mangled names.

public enum SwiftName {
  /// Nil where the symbol is not one of Swift's, or no function that has a name.
  public static func readable(_ symbol: String) -> String? {
    guard symbol.hasPrefix("$s") || symbol.hasPrefix("$e") else { return nil }
    var parser = Parser(Array(symbol.utf8.dropFirst(2)))
    return parser.function()
  }

  private struct Parser {
    private let text: [UInt8]
    private var at = 0
    /// The words of identifiers so far, to which later ones refer by a letter.
    private var words: [ArraySlice<UInt8>] = []

    /// A letter refers to a word, and there are 26.
    private static let mostWords = 26

    init(_ text: [UInt8]) { self.text = text }

    private var next: UInt8? { at < text.count ? text[at] : nil }
    private func isDigit(_ byte: UInt8?) -> Bool { byte.map { (0x30...0x39).contains($0) } ?? false }
    private func isUpper(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) }
    private func isLower(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) }

    /// The module, types one in the other, and the function's own name.
    mutating func function() -> String? {
      guard identifier() != nil else { return nil }
      var path: [String] = []
      while let name = identifier() {
        // A private name has its file's digest behind it.
        let here = (at, words)
        if isDigit(next), identifier() != nil, text[at...].starts(with: "LL".utf8) {
          at += 2
        } else {
          (at, words) = here
        }
        // An extension's module.
        if next == UInt8(ascii: "E") {
          at += 1
          continue
        }
        path.append(name)
        guard let kind = next, "VOCP".utf8.contains(kind) else {
          if isFunction { return (path + (isClosure ? ["closure"] : [])).joined(separator: ".") }
          // The last was an initialiser's first label.
          return isInitialiser ? (path.dropLast() + ["init"]).joined(separator: ".") : nil
        }
        at += 1
      }
      // What a type has without a name is its initialisers.
      return !path.isEmpty && isInitialiser ? (path + ["init"]).joined(separator: ".") : nil
    }

    /// Behind the signature stands `F`, then `Z` for a static one; or `v` and the kind of an accessor. What the optimiser made of it
    /// follows.
    private var isFunction: Bool {
      let rest = text[at...]
      return rest.contains(UInt8(ascii: "F"))
        || zip(rest, rest.dropFirst()).contains { $0 == UInt8(ascii: "v") && "gsMrw".utf8.contains($1) }
    }

    private var isInitialiser: Bool {
      zip(text[at...], text[at...].dropFirst()).contains { $0 == UInt8(ascii: "f") && "Cc".utf8.contains($1) }
    }

    /// `U`, a number or none, and `_`.
    private var isClosure: Bool {
      var rest = text[at...]
      while let place = rest.firstIndex(of: UInt8(ascii: "U")) {
        rest = rest[(place + 1)...]
        if rest.drop(while: { isDigit($0) }).first == UInt8(ascii: "_") { return true }
      }
      return false
    }

    /// Its length and its letters; behind a 0, letters that name words of earlier ones, the last of them in upper case.
    private mutating func identifier() -> String? {
      guard isDigit(next) else { return nil }
      var refersToWords = next == UInt8(ascii: "0")
      if refersToWords {
        at += 1
        // Punycode.
        if next == UInt8(ascii: "0") { return nil }
      }
      var name: [UInt8] = []
      repeat {
        while refersToWords, let letter = next, isLower(letter) || isUpper(letter) {
          at += 1
          let number = Int(letter | 0x20) - Int(UInt8(ascii: "a"))
          guard number < words.count else { return nil }
          name += words[number]
          if isUpper(letter) { refersToWords = false }
        }
        if next == UInt8(ascii: "0") {
          at += 1
          break
        }
        guard let length = number(), length > 0, length <= text.count - at else { return nil }
        let letters = text[at..<at + length]
        name += letters
        takeWords(of: letters)
        at += length
      } while refersToWords
      return String(decoding: name, as: UTF8.self)
    }

    private mutating func number() -> Int? {
      var number: Int?
      while let digit = next, isDigit(digit) {
        number = (number ?? 0) * 10 + Int(digit - UInt8(ascii: "0"))
        at += 1
        if number! > text.count { return nil }
      }
      return number
    }

    /// A word begins with anything but a digit and ends before an underscore or where upper case follows lower; one letter is none.
    private mutating func takeWords(of letters: ArraySlice<UInt8>) {
      var start: Int?
      for place in letters.startIndex...letters.endIndex {
        let byte = place < letters.endIndex ? letters[place] : UInt8(ascii: "_")
        if let begun = start, byte == UInt8(ascii: "_") || isUpper(byte) && !isUpper(letters[place - 1]) {
          if place - begun >= 2 && words.count < Self.mostWords { words.append(letters[begun..<place]) }
          start = nil
        }
        if start == nil && !isDigit(byte) && byte != UInt8(ascii: "_") { start = place }
      }
    }
  }
}

extension SymbolTable.Location {
  /// The name for people.
  public var readableName: String { SwiftName.readable(name) ?? name }
}
