using Backprop.Ranks;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests.Mpis;

/// <summary>Whatever becomes of a rank, all end, in time, not with 0, and one message says which rank and why. What was saved is whole.</summary>
[Collection(Job.OneByOne)]
public sealed class FailureTests
{
    private static readonly TimeSpan InTime = TimeSpan.FromSeconds(Job.Limit + 10);

    /// <param name="mpi">The MPI.</param>
    /// <param name="kind">What rank 1 does.</param>
    /// <param name="message">What is said.</param>
    private static void Ends(string mpi, string kind, string message)
    {
        using var file = new TemporaryFile();
        var job = Job.RunLimited(mpi, 2, "fail", kind, "--save", file.Path);
        job.Code.Should().NotBe(0, job.Error);
        job.Messages.Should().ContainSingle(job.Error).Which.Should().Match($"rank *{message}*");
        job.Time.Should().BeLessThan(InTime + TimeSpan.FromSeconds(5), "starting takes a while, too");
        var trainer = Trainings.Mlp<double>(ShardExchange.Alone, 8);
        trainer.LoadCheckpoint(file.Path);
        trainer.Fit(trainer.Epoch + 1);
    }

    [Theory]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_rank_that_throws(string mpi) => Ends(mpi, "throw", "1 of 2 (*): InvalidDataException: Row 17 is no number. All ranks end.");

    [Theory]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_rank_that_stalls(string mpi) => Ends(mpi, "stall", "0 of 2 (*): rank 1 did not come to the sum of a step within 3 s: ended, stalled, busy with something else, or cut off. All ranks end; go on from the last checkpoint.*");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_rank_that_exits_with_0(string mpi) => Ends(mpi, "exit", "1 of 2 (*): ended with code 0 before its program was over, after *, and the others would wait for it in vain. All ranks end.");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_rank_that_stops_its_training(string mpi) => Ends(mpi, "stop", "0 of 2 (*): waits in the sum of a step, but rank 1 in the end of the training: the ranks do not run the same program. All end.");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_gradient_that_is_not_finite_is_told_by_the_rank_that_found_it(string mpi) => Ends(mpi, "nan", "1 of 2 (*): NotFiniteNumberException: The loss is NaN in epoch 3, batch 3, shard 5 of 8*");

    [Theory]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_rank_whose_weights_are_changed_alone(string mpi) => Ends(mpi, "drift", "0 of 2 (*): InvalidOperationException: Rank 1 of 2 is not the same as rank 0, and would compute something else. parameter *: * on rank 0, * on rank 1. Found in *");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_rank_whose_rate_is_changed_alone(string mpi) => Ends(mpi, "rate", "0 of 2 (*): InvalidOperationException: Rank 1 of 2 is not the same as rank 0, and would compute something else. optimizer groups.0.lr: 0.* on rank 0, 0.* on rank 1. Found in a step.*");

    /// <summary>Of a code the system keeps eight bits, and those of 256 are 0.</summary>
    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_rank_that_exits_with_256(string mpi) => Ends(mpi, "exit 256", "1 of 2 (*): ended with code 256 before its program was over, after *");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_program_that_returns_256(string mpi)
    {
        var job = Job.Run(mpi, 2, "start", "256");
        job.Code.Should().Be(1, job.Error);
        job.Messages.Should().BeEmpty();
    }

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_program_goes_on_after_its_ranks_for_as_long_as_it_likes(string mpi)
    {
        var job = Job.RunLimited(mpi, 2, "start", "goes on");
        job.Code.Should().Be(0, job.Error);
        job.Output.Trim().Split('\n').Should().Equal("went on", "went on");
    }

    /// <summary>MPI waits for it in its own start, where no rank knows of another.</summary>
    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_rank_that_ends_before_it_begins(string mpi)
    {
        var job = Job.RunLimited(mpi, 2, "start", "absent");
        job.Code.Should().NotBe(0, job.Error);
        job.Time.Should().BeLessThan(TimeSpan.FromSeconds(25));
        (job.Output + job.Error).Should().ContainAny("rank 0: MPI_Init did not return within 10 s. A rank has ended before it came to Mpi.Run", "exiting improperly", "without calling");
    }

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Threads_beside_each_other(string mpi)
    {
        var job = Job.RunLimited(mpi, 2, "fail", "threads");
        job.Code.Should().NotBe(0, job.Error);
        job.Error.Should().Contain("MpiRanks expects one call at a time, but an all-reduce begins during an all-reduce.");
        job.Time.Should().BeLessThan(InTime + TimeSpan.FromSeconds(5));
    }

    [Theory]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void What_the_first_rank_cannot_save_may_be_caught_on_all_which_then_go_on(string mpi)
    {
        using var file = new TemporaryFile();
        var job = Job.RunLimited(mpi, 2, "fail", "cannot save", "--save", file.Path);
        job.Code.Should().Be(0, job.Error);
        job.Output.Trim().Split('\n').Order().Should().Equal("not saved 1", "not saved 1", "not saved 2", "not saved 2", "not saved 3", "not saved 3");
    }

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void What_the_first_rank_cannot_save_ends_all_where_nobody_catches_it(string mpi)
    {
        using var file = new TemporaryFile();
        var job = Job.RunLimited(mpi, 2, "fail", "cannot save, and ends", "--save", file.Path);
        job.Code.Should().NotBe(0, job.Error);
        job.Messages.Should().ContainSingle(job.Error).Which.Should().Match("rank 0 of 2 (*): IOException: *no such directory*");
        job.Time.Should().BeLessThan(InTime + TimeSpan.FromSeconds(5));
    }

    /// <summary>The launcher itself says so.</summary>
    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_rank_that_is_killed(string mpi)
    {
        using var file = new TemporaryFile();
        var job = Job.RunLimited(mpi, 2, "fail", "kill", "--save", file.Path);
        job.Code.Should().NotBe(0);
        (job.Output + job.Error).Should().ContainAny("exited on signal 9", "EXIT CODE: 9", "rank 1 did not come to");
        job.Time.Should().BeLessThan(InTime + TimeSpan.FromSeconds(5));
        Trainings.Mlp<double>(ShardExchange.Alone, 8).LoadCheckpoint(file.Path);
    }

    /// <summary>Native code that ends the process without its handlers is seen by nobody but the launcher: Open MPI's reports it; MPICH's ends the others at once, but with 0 (docs/mpi.md says so).</summary>
    [Fact(Explicit = true)]
    public void A_rank_that_vanishes_with_0_is_not_green_under_Open_MPI()
    {
        using var file = new TemporaryFile();
        var job = Job.RunLimited("Open MPI", 2, "fail", "vanish", "--save", file.Path);
        job.Code.Should().NotBe(0, job.Error);
        (job.Output + job.Error).Should().ContainAny("rank 1 did not come to", "exiting improperly", "without calling \"finalize\"");
        job.Time.Should().BeLessThan(InTime + TimeSpan.FromSeconds(5));
    }

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_model_that_one_rank_makes_alone_is_no_failure(string mpi)
    {
        var job = Job.RunLimited(mpi, 2, "fail", "another model");
        job.Code.Should().Be(0, job.Error);
    }

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void What_was_announced_may_take_longer_than_the_limit(string mpi)
    {
        var job = Job.RunLimited(mpi, 2, "fail", "announced");
        job.Code.Should().Be(0, job.Error);
        job.Output.Trim().Should().Be("well");
    }
}
