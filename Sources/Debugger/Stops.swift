/// Where a run is to stop: breakpoints and watchpoints. GDB manual, "Packets", `z` and `Z`.
import Machine

package struct Stops: Equatable, Sendable {
  /// What a watchpoint watches.
  package enum Watching: Equatable, Sendable { case writes, reads, both }

  package struct Watchpoint: Equatable, Sendable {
    package var kind: Watching
    /// By linear address.
    package var address: UInt64
    package var size: UInt64

    func covers(_ address: UInt64, _ size: UInt64) -> Bool {
      // Differences, so that ranges may end at the top of the address space.
      address &- self.address < self.size || self.address &- address < size
    }
  }

  /// As many as anybody sets by hand, and more.
  static let most = 4096

  /// gdb tells both kinds apart and hears which of them stopped the run; here they are the same.
  var software: Set<UInt64> = []
  var hardware: Set<UInt64> = []
  var watchpoints: [Watchpoint] = []

  func isBreakpoint(_ rip: UInt64) -> Bool { software.contains(rip) || hardware.contains(rip) }
  var isFull: Bool { software.count + hardware.count + watchpoints.count >= Self.most }
}

/// What a step did to something that is watched.
package struct Touch: Equatable, Sendable {
  package var watchpoint: Stops.Watchpoint
}

/// Hears every access of the guest's, and remembers the first of a step that a watchpoint covers.
///
/// While it listens nothing is cached, so that each access is walked: what hangs on a translation that is older than its page-table entry
/// does not show, as in a trace with accesses.
final class Watcher: Observer {
  var watchpoints: [Stops.Watchpoint] = []
  private var touch: Touch?

  func take() -> Touch? {
    defer { touch = nil }
    return touch
  }

  func note(_ address: UInt64, _ size: UInt64, isWrite: Bool) {
    guard touch == nil else { return }
    touch = watchpoints.first {
      $0.kind != (isWrite ? .reads : .writes) && $0.covers(address, size)
    }.map { Touch(watchpoint: $0) }
  }

  func read(_ linear: UInt64, size: Int, value: UInt64) { note(linear, UInt64(size), isWrite: false) }
  func wrote(_ linear: UInt64, size: Int, value: UInt64) { note(linear, UInt64(size), isWrite: true) }
  func delivered(_ vector: Vector, errorCode: UInt32?, from rip: UInt64) {}
}
