using FluentAssertions;
using Xunit;

namespace Backprop.Tests.Mpis;

/// <summary>One hash of what was learned, for one process and for any number of ranks of any MPI.</summary>
[Collection(Job.OneByOne)]
public sealed class BitsTests
{
    private const int Few = 20;     // steps, where every `dotnet test` runs them; .ci/run trains 200

    private static string[] Lines(Job job)
    {
        job.Code.Should().Be(0, job.Error);
        return job.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }

    [Theory]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Four_ranks_learn_what_one_process_learns(string mpi) =>
        Lines(Job.Run(mpi, 4, "train", "all", "--steps", $"{Few}")).Should().Equal(Lines(Job.Alone("train", "all", "--steps", $"{Few}"))).And.HaveCount(5);

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Sums_are_trees_however_they_are_sent(string mpi)
    {
        foreach (var ranks in (int[])[2, 3, 4, 6]) Lines(Job.Run(mpi, ranks, "sums")).Should().Equal(["as a tree"], $"{ranks} ranks");
    }

    [Theory]
    [InlineData(192, 2, true)]
    [InlineData(512, 2, false)]
    [InlineData(8, 3, true)]
    [InlineData(8, 64, false)]
    public void What_is_little_is_sent_whole(int kilobytes, int ranks, bool onOneHost)
    {
        MpiRanks.IsSentWhole(kilobytes * 1024, ranks, onOneHost).Should().BeTrue();
        MpiRanks.IsSentWhole(kilobytes * 1024 + 1, ranks, onOneHost).Should().BeFalse();
    }

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Any_number_of_ranks_learns_what_one_process_learns_in_200_steps(string mpi)
    {
        var alone = Lines(Job.Alone("train", "all"));
        alone.Should().HaveCount(5);
        foreach (var ranks in (int[])[1, 2, 4, 8]) Lines(Job.Run(mpi, ranks, "train", "all")).Should().Equal(alone, $"{ranks} ranks");
    }

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Twelve_shards_are_shared_by_three_or_six(string mpi)
    {
        var alone = Lines(Job.Alone("train", "mlp,cnn", "--shards", "12", "--steps", "100"));
        foreach (var ranks in (int[])[3, 6]) Lines(Job.Run(mpi, ranks, "train", "mlp,cnn", "--shards", "12", "--steps", "100")).Should().Equal(alone, $"{ranks} ranks");
    }

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_checkpoint_of_four_ranks_goes_on_with_any_number(string mpi)
    {
        using var file = new TemporaryFile();
        var whole = Lines(Job.Alone("train", "mlp", "--steps", "60"));
        Lines(Job.Run(mpi, 4, "train", "mlp", "--steps", "30", "--save", file.Path)).Should().NotEqual(whole);
        foreach (var ranks in (int[])[1, 2, 8]) Lines(Job.Run(mpi, ranks, "train", "mlp", "--steps", "60", "--resume", file.Path)).Should().Equal(whole, $"{ranks} ranks");
    }

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void The_plain_all_reduce_trains_as_well_up_to_rounding(string mpi) =>
        Lines(Job.Run(mpi, 2, "train", "mlp,mlp-float", "--steps", $"{Few}", "--plain", "true")).Should().HaveCount(2);

    [Theory]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_null_reference_is_still_an_exception(string mpi) => Lines(Job.Run(mpi, 2, "fail", "null")).Should().Equal("caught");
}
