/// A job of one piece: it has nothing to show before it is done, and does not look for itself whether it is to end.
///
/// It has a thread of its own. Whoever waits stops soon after there is a reason to, whatever the thread is doing, and says how far it is.
import Dispatch
import Explorer
import Findings
import Synchronization

extension Interruption {
  /// How often the reason is asked for, and how long the thread is given after that: enough to keep a boot that is done.
  private static let interval = DispatchTimeInterval.milliseconds(20)
  private static let grace = Duration.seconds(2)

  private final class Job<Answer: Sendable>: Sendable {
    let answer = Mutex<Result<Answer, any Error>?>(nil)
    let stage = Mutex("starting the machine")
    let news = DispatchSemaphore(value: 0)
  }

  /// What `body` answers. It tells what it is at, for a terminal and for the failure, *inconclusive*, that is thrown where it has to be
  /// left.
  func waiting<Answer: Sendable>(
    for subject: String, _ progress: Progress,
    _ body: @escaping @Sendable (_ tell: (String) -> Void) throws -> Answer
  ) throws -> Answer {
    let job = Job<Answer>()
    try OwnThread.start {
      let answer = Result {
        try body { stage in
          job.stage.withLock { $0 = stage }
          progress.show(stage)
        }
      }
      job.answer.withLock { $0 = answer }
      job.news.signal()
    }
    var left: (reason: String, until: ContinuousClock.Instant)?
    while true {
      if let answer = job.answer.withLock({ $0 }) { return try answer.get() }
      if let left, ContinuousClock.now >= left.until {
        let stage = job.stage.withLock { $0 }
        throw CommandFailure(.inconclusive, subject, "inconclusive: \(left.reason); at that time: \(stage)")
      }
      if left == nil { left = reason.map { ($0, ContinuousClock.now + Self.grace) } }
      _ = job.news.wait(timeout: .now() + Self.interval)
    }
  }
}
