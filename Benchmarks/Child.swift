/// One run of another program, measured from outside: wall clock, processor time and the largest resident memory, as the host's kernel
/// counts them (wait4(2), getrusage(2)).
#if canImport(Glibc)
  import Glibc
#endif

struct Child {
  var seconds: Double
  /// User and system time.
  var processorSeconds: Double
  var residentMiB: Int
  var status: Int32
  var output: String

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// Runs a program found on PATH to its end, nothing on its standard input, both outputs kept. `accepted` lists the
  /// exit statuses that are no failure.
  static func run(_ arguments: [String], accepted: Set<Int32> = [0]) throws -> Child {
    var pipes: [Int32] = [0, 0]
    guard pipe(&pipes) == 0 else { throw Failure(description: "no pipe: \(String(cString: strerror(errno)))") }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 1)
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 2)
    posix_spawn_file_actions_addclose(&actions, pipes[0])
    posix_spawn_file_actions_addclose(&actions, pipes[1])
    var words = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var identifier: pid_t = 0
    let started = now()
    let refusal = posix_spawnp(&identifier, arguments[0], &actions, nil, &words, environ)
    close(pipes[1])
    defer { close(pipes[0]) }
    guard refusal == 0 else { throw Failure(description: "\(arguments[0]): \(String(cString: strerror(refusal)))") }
    let output = readAll(pipes[0])
    var status: Int32 = 0
    var usage = rusage()
    while wait4(identifier, &status, 0, &usage) < 0 && errno == EINTR {}
    let seconds = now() - started
    let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    guard accepted.contains(code) else {
      throw Failure(
        description: "\(arguments.joined(separator: " ")) ended with status \(code):\n\(output.suffix(2000))")
    }
    return Child(
      seconds: seconds, processorSeconds: Self.seconds(usage.ru_utime) + Self.seconds(usage.ru_stime),
      residentMiB: Int(usage.ru_maxrss) >> 10, status: code, output: output)
  }

  /// The run that took the least processor time, of as many as asked for.
  static func best(of count: Int, _ arguments: [String], accepted: Set<Int32> = [0]) throws -> Child {
    let runs = try (0..<count).map { _ in try run(arguments, accepted: accepted) }
    return runs.min { $0.processorSeconds < $1.processorSeconds }!
  }

  private static func readAll(_ descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = read(descriptor, &piece, piece.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += piece[0..<count]
    }
  }

  private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
}

/// Seconds on a clock that only goes forward.
func now() -> Double { reading(of: CLOCK_MONOTONIC) }

/// Seconds that this process has had a processor.
func processorTime() -> Double { reading(of: CLOCK_PROCESS_CPUTIME_ID) }

private func reading(of clock: clockid_t) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// How many jobs wanted a processor during the last minute: a wall time means little when it is high.
func load() -> Double {
  var average = 0.0
  return getloadavg(&average, 1) == 1 ? average : .nan
}
