using Backprop.Torch;
using FluentAssertions;
using TorchSharp;
using Xunit;

namespace Backprop.Tests;

public class TorchNativeTests
{
    [Fact]
    public void TorchSharp_computes_after_any_number_of_calls()
    {
        TorchNative.EnsureLoadable();
        TorchNative.EnsureLoadable();

        using torch.Tensor sum = torch.ones(2, 3, torch.float64).sum();
        sum.item<double>().Should().Be(6);
    }
}
