import ArgumentParser

/// A duration on the command line: a whole number and `s`, `m` or `h`; a bare number is seconds.
struct WallTime: ExpressibleByArgument {
  let text: String
  let duration: Duration

  init?(argument: String) {
    let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600]
    let unit = argument.last.flatMap { units[$0] }
    let digits = unit == nil ? argument[...] : argument.dropLast()
    guard let number = Int(digits), (1...1_000_000).contains(number) else { return nil }
    text = argument
    duration = .seconds(number * (unit ?? 1))
  }
}

/// The end of the time that `--timeout` gives, which begins when this is made.
struct Deadline {
  private let at: ContinuousClock.Instant
  private let text: String

  init(_ time: WallTime) {
    at = ContinuousClock.now + time.duration
    text = time.text
  }

  /// Nil while there is time.
  var reason: String? { ContinuousClock.now >= at ? "--timeout \(text) ran out" : nil }
}
