import ArgumentParser
import Findings

/// A comma separated list of names, or `all`: `--profile intel,amd`. Repetitions count once; the order is the
/// vocabulary's, so that the order on the command line changes nothing. An option that is given again adds to its list:
/// `--crossing nmi --crossing irq` means both.
struct Selection<Name: Vocabulary>: ExpressibleByArgument {
  var names: [Name]

  init(_ names: [Name]) { self.names = names }

  init?(argument: String) {
    if argument == "all" {
      self.init(Array(Name.allCases))
      return
    }
    var chosen: Set<Name> = []
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      guard let name = Name(rawValue: String(part)) else { return nil }
      chosen.insert(name)
    }
    self.init(chosen.sorted())
  }

  /// What an option means that was given with each of the lists.
  static func joined(_ lists: [Selection]) -> [Name] { Set(lists.flatMap(\.names)).sorted() }

  static var all: Selection { Selection(Array(Name.allCases)) }

  static var allValueStrings: [String] { Name.allCases.map(\.rawValue) + ["all"] }

  var defaultValueDescription: String {
    names.count == Name.allCases.count ? "all" : names.map(\.rawValue).joined(separator: ",")
  }
}

extension Selection<EventKind> {
  /// The events of an option; `all` is every one that is asked of every kernel, and a malicious host's beside them where there is one.
  static func events(_ lists: [Selection], ofHost hostIsMalicious: Bool = false) -> [EventKind] {
    let everything = EventKind.usual + (hostIsMalicious ? EventKind.allCases.filter(\.isFromHost) : [])
    return joined(lists.map { $0.names.count == EventKind.allCases.count ? Selection(everything) : $0 })
  }
}

/// The same for lists whose names are declared elsewhere; whether they exist is asked when the verb runs.
struct OpenSelection<Name: OpenName>: ExpressibleByArgument {
  var names: [Name]

  init(_ names: [Name]) { self.names = names }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    self.init(Set(parts.map { Name(rawValue: $0) }).sorted())
  }

  var defaultValueDescription: String { names.map(\.rawValue).joined(separator: ",") }

  /// The names in the lists of an option, of those that are declared and in the order of declaration; `all` is every one.
  static func chosen(_ lists: [OpenSelection], from known: [Name], option: String) throws(CommandFailure) -> [Name] {
    if lists.contains(where: { $0.names.map(\.rawValue) == ["all"] }) { return known }
    let names = lists.flatMap(\.names)
    for name in names where !known.contains(name) {
      throw CommandFailure(
        .badInput, option, "'\(name)' is not known (known: \(known.map(\.rawValue).joined(separator: ", ")))")
    }
    return known.filter { names.contains($0) }
  }
}
