/// Goal: RSP is the user's until something switches or loads it, whatever moves it meanwhile; and again once the user's is back.
import Invariants
import Testing

@Suite struct StackOwnerTests {
  private static let user: UInt64 = 0x1000_B1C0
  private static let kernel: UInt64 = 0xFFFF_C900_0000_4000

  @Test func aPushLeavesItTheUsers() {
    var owner = StackOwner(values: [Self.user])
    owner.follow(.moved, to: Self.user - 8)
    #expect(owner.isUser)
    owner.follow(.loaded(isReachableByUser: false), to: Self.kernel)
    owner.follow(.moved, to: Self.kernel - 8)
    #expect(!owner.isUser)
    owner.follow(.loaded(isReachableByUser: false), to: Self.user)
    #expect(owner.isUser)
  }

  /// A kernel that takes its stack from where the user can write has none of its own.
  @Test func memoryThatTheUserReachesIsTheUsers() {
    var owner = StackOwner(values: [Self.user])
    owner.follow(.loaded(isReachableByUser: true), to: Self.user - 0x4000)
    #expect(owner.isUser)
  }

  /// A handler on a stack of its own returns to what it interrupted, a kernel address that the user chose and that has moved.
  @Test func aHandlerReturnsToTheUsers() {
    let chosen: UInt64 = 0xFFFF_8880_0010_0000
    var owner = StackOwner(values: [chosen])
    owner.follow(.moved, to: chosen - 8)
    owner.interrupt(at: chosen - 8)
    owner.follow(.switched, to: Self.kernel)
    #expect(!owner.isUser)
    owner.follow(.loaded(isReachableByUser: false), to: chosen - 8)
    #expect(owner.isUser)
    owner.follow(.loaded(isReachableByUser: false), to: Self.kernel)
    owner.interrupt(at: Self.kernel)
    owner.follow(.switched, to: Self.kernel + 0x8000)
    owner.follow(.loaded(isReachableByUser: false), to: Self.kernel)
    #expect(!owner.isUser)
  }
}
