/// One instruction that may write a page which its translation forbids to write, for a platform that checks what it wrote.
///
/// A hypervisor that emulates such an instruction has the same effect: Xen `xen/arch/x86/x86_emulate/x86_emulate.c`.

/// A store that an instruction made.
public struct Store: Sendable, Hashable {
  public var linear: UInt64
  public var size: Int
}

extension Processor {
  /// Opens a fork and takes one step in which the page of `linear` can be written. Returns the stores of that step in order and
  /// why it ended. The caller closes the fork with `keepGuardedStep` or `undoGuardedStep`.
  public func guardedStep(writing linear: UInt64) -> (exit: Exit, stores: [Store]) {
    let previous = observer
    let recorder = StoreRecorder()
    fork()
    unprotectedPage = linear & ~0xFFF
    observer = recorder
    let (position, noted) = (self.position, transitions.count)
    let exit = step()
    // It belongs to the fault that led to it.
    s.pointee.unretired &-= self.position &- position
    guardedTransitions = Array(transitions[noted...])
    transitions.removeSubrange(noted...)
    observer = previous
    unprotectedPage = Processor.noStop
    if let previous { recorded = (recorder, previous) }
    return (exit, recorder.stores)
  }

  /// The step stands. Whoever observes hears of it now.
  public func keepGuardedStep() {
    drop()
    if let (recorder, previous) = recorded {
      for event in recorder.events { event(previous) }
    }
    recorded = nil
    for transition in guardedTransitions { note(transition) }
    guardedTransitions = []
  }

  /// The step never was.
  public func undoGuardedStep() {
    restore()
    drop()
    recorded = nil
    guardedTransitions = []
  }
}

/// Hears an instruction whose effect is not decided yet.
final class StoreRecorder: Observer {
  var stores: [Store] = []
  var events: [(any Observer) -> Void] = []

  func read(_ linear: UInt64, size: Int, value: UInt64) {
    events.append { $0.read(linear, size: size, value: value) }
  }

  func wrote(_ linear: UInt64, size: Int, value: UInt64) {
    stores.append(Store(linear: linear, size: size))
    events.append { $0.wrote(linear, size: size, value: value) }
  }

  func delivered(_ vector: Vector, errorCode: UInt32?, from rip: UInt64) {
    events.append { $0.delivered(vector, errorCode: errorCode, from: rip) }
  }
}
