/// What ends a long job before it is done: a signal, the end of the host's memory, or `--timeout`. What was found by then is reported.
///
/// SIGINT and SIGTERM end a verb that explores at the first, and the program itself at the second. A Swift program whose memory
/// ends aborts; the thread that does is kept, and gives back what was set aside at the start, so that the report can be made.
import Findings
import Foundation
import Synchronization

/// The signal that came, 0 while none did.
private let received = Atomic<Int32>(0)
private let isWatching = Atomic<Bool>(false)
/// Set aside for the time when there is no memory left.
private let reserve = Atomic<UInt>(0)
private let reserveSize = 32 << 20
private let mainThread = pthread_self()

struct Interruption {
  private let deadline: Deadline?

  /// Watches from now on. `timeout` is a duration as an option gives it.
  init(after timeout: WallTime?) {
    deadline = timeout.map(Deadline.init)
    Self.watch()
  }

  /// Why the job is to end; nil while it is not. Any thread may ask.
  var reason: String? { Self.reason ?? deadline?.reason }

  static var reason: String? {
    switch received.load(ordering: .relaxed) {
    case 0: nil
    case SIGINT: "interrupted (SIGINT)"
    case SIGABRT: "the host's memory is used up"
    default: "ended (SIGTERM)"
    }
  }

  /// Does what leaves things behind when a signal ends the program in the middle. A signal ends it afterwards.
  static func watched<Answer>(_ body: () throws(CommandFailure) -> Answer) throws(CommandFailure) -> Answer {
    if isWatching.load(ordering: .relaxed) { return try body() }
    watch()
    defer {
      for number in [SIGINT, SIGTERM] { unwatch(number) }
      isWatching.store(false, ordering: .relaxed)
    }
    let answer = try body()
    if let reason { throw CommandFailure(.inconclusive, nil, reason) }
    return answer
  }

  private static func unwatch(_ number: Int32) {
    var now = sigaction()
    guard sigaction(number, nil, &now) == 0, let handler = now.__sigaction_handler.sa_handler else { return }
    // Still ignored.
    if unsafeBitCast(handler, to: Int.self) == 1 { return }
    signal(number, SIG_DFL)
  }

  /// Says on standard error, behind the report, that it is not complete.
  func complain(_ remedy: String = "") {
    guard let reason else { return }
    StandardError.write("limen: \(reason): the report holds what was done by then\(remedy)\n")
  }

  private static func watch() {
    guard !isWatching.exchange(true, ordering: .relaxed) else { return }
    // A global comes into being when it is first used, which must not be in a handler.
    _ = (received.load(ordering: .relaxed), mainThread)
    for number in [SIGINT, SIGTERM] {
      var old = sigaction()
      // Who ignores the signal for us means it, as nohup(1) does.
      guard sigaction(number, nil, &old) == 0, old.__sigaction_handler.sa_handler == nil else { continue }
      signal(number) { number in
        received.store(number, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
  }

  /// From now on a program whose memory ends says so, and what was done is kept.
  static func setMemoryAside() {
    _ = (received.load(ordering: .relaxed), mainThread)
    let pages = mmap(nil, reserveSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let pages, pages != MAP_FAILED else { return }
    reserve.store(UInt(bitPattern: pages), ordering: .relaxed)
    signal(SIGABRT) { _ in memoryMayHaveEnded() }
  }
}

/// A thread aborts. Where the reason is not that memory ended, it does.
private func memoryMayHaveEnded() {
  let large = 256 << 20
  let pages = mmap(nil, large, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
  if let pages, pages != MAP_FAILED {
    munmap(pages, large)
    signal(SIGABRT, SIG_DFL)
    abort()
  }
  if let reserved = UnsafeMutableRawPointer(bitPattern: reserve.exchange(0, ordering: .relaxed)) {
    munmap(reserved, reserveSize)
  }
  received.store(SIGABRT, ordering: .relaxed)
  if pthread_equal(pthread_self(), mainThread) != 0 {
    let line: StaticString = "limen: the host's memory is used up\n"
    _ = write(STDERR_FILENO, line.utf8Start, line.utf8CodeUnitCount)
    _exit(ExitStatus.inconclusive.rawValue)
  }
  while true { pause() }
}
