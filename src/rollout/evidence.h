// How strongly counts speak for harm, at any moment at which one looks: e-processes (Ville 1939; Grünwald, de Heide, Koolen
// 2024; Lindon, Malek 2022). Where there is no harm, the chance that one ever reaches 1/a is at most a, however often it is
// looked at. Each is the mean of bets on several ratios of harm, kept as logarithms.
//
//   side by side   Of x cells newly bad in a round, x_c came from the candidate's arm, which has the share p of the cells at
//                  risk. A bet on a ratio of r multiplies by  r^x_c / (1 + (r-1) p)^x , the likelihood ratio of binomials with
//                  p r / (1 + (r-1) p) and p. Without harm the arms are drawn by lot, so x_c is hypergeometric; the bet is
//                  convex in x_c, so its mean is at most that under the binomial (Hoeffding 1963, theorem 4), which is 1.
//   before, after  n cells newly bad since, of cells at risk of which at most a share `usual` was newly bad before. A bet on r
//                  multiplies by  r^n exp(-(r-1) usual cells) , the likelihood ratio of Poisson counts. Ratios from 3 on: what
//                  merely drifts, up to 1.8 times, speaks against harm ((r-1) / ln r at r = 3).
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <span>

namespace weir::rollout {

struct Arms {
  double control = 0, candidate = 0;
  double sum() const { return control + candidate; }
  Arms& operator+=(const Arms& other) {
    control += other.control;
    candidate += other.candidate;
    return *this;
  }
};

// log of the mean of e^x; -inf for none.
double log_mean_exp(std::span<const double> logs);

class SideBySide {
 public:
  static constexpr std::array kRatios = {1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0};

  // One round: cells at risk, and those of them newly bad. A round in which one arm has none says nothing.
  void add(const Arms& at_risk, const Arms& newly_bad);
  double log_value() const { return log_mean_exp(logs_); }

 private:
  std::array<double, kRatios.size()> logs_{};
};

class BeforeAfter {
 public:
  static constexpr std::array kRatios = {3.0, 5.0, 10.0, 20.0, 50.0, 100.0};

  void add(double usual, double at_risk, double newly_bad);
  double log_value() const { return log_mean_exp(logs_); }

 private:
  std::array<double, kRatios.size()> logs_{};
};

inline constexpr double kZ = 3.0902;   // of the normal distribution at 99.9 %

// The greatest and the smallest mean of a Poisson count that `seen` does not exclude at 99.9 %, one-sided; within 3 % (Wilson, Hilferty 1931).
double poisson_upper(double seen);
double poisson_lower(double seen);

// How much greater the candidate's share of newly bad cells may be, at 99.9 %, one-sided, by the normal approximation with one
// bad cell added; 1 where an arm has no cells.
double extra_upper(const Arms& at_risk, const Arms& newly_bad);

}  // namespace weir::rollout
