using System.Reflection;
using Xunit;
using Xunit.v3;

namespace Backprop.Tests;

/// <summary>A test, or a class of tests, that asks PyTorch itself. Where there is none (<see cref="TestSetup.TorchIsMissing"/>) it is skipped, and says why.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
internal sealed class NeedsTorchAttribute : BeforeAfterTestAttribute
{
    public override void Before(MethodInfo methodUnderTest, IXunitTest test)
    {
        if (TestSetup.TorchIsMissing is string reason) Assert.Skip(reason);
    }
}
