/// A thread that nobody joins: whoever waits for what it does may stop waiting, and it ends with the program.
import Foundation

public enum OwnThread {
  private static let stack = 8 << 20

  /// The host has no room for one more.
  public struct Refusal: Error, CustomStringConvertible {
    public var description: String { "the host has no room for a thread" }
  }

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Foundation's threads do not say when they cannot be started.
  public static func start(_ body: @escaping @Sendable () -> Void) throws(Refusal) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stack)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let held = Unmanaged.passRetained(Body(body))
    var thread = pthread_t()
    let error = pthread_create(
      &thread, &attributes,
      { argument in
        Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, held.toOpaque())
    guard error != 0 else { return }
    held.release()
    throw Refusal()
  }
}
